"""Task register: makes the judged candidate a model version, and the champion if it passed."""

import logging
from collections.abc import Sequence
from datetime import UTC, datetime

from databricks.sdk import WorkspaceClient
from mlflow import MlflowClient

from fraud_detection.errors import GateError
from fraud_detection.models.aliases import CHAMPION, Order
from fraud_detection.models.card_facts import log_card
from fraud_detection.models.integrity import MODEL_HASH
from fraud_detection.models.registry import Registered, register
from fraud_detection.models.tracking import load_verdict, model_uri
from fraud_detection.scoring.endpoint import name_endpoint, serve_version
from fraud_detection.scoring.online.settings import ServingSettings
from fraud_detection.session import on_databricks
from fraud_detection.tasks.context import task_context
from fraud_detection.tasks.values import set_task_values

ORIGINS = ("git_commit", "code_sha256", "lock_sha256", MODEL_HASH)

log = logging.getLogger(__name__)


def main(argv: Sequence[str] | None = None) -> None:
    """Register by the stored verdict, which must be the one that the job passed on."""
    with task_context("register", argv) as context:
        arguments = context.arguments
        verdict = load_verdict(arguments.candidate)
        if arguments.verdict != verdict.word:
            raise GateError(
                f"the job says {arguments.verdict!r}, run {arguments.candidate} holds the verdict {verdict.word!r}; "
                "expected the same word: judge the candidate again"
            )
        client = MlflowClient()
        tags = {"job_run_id": arguments.job_run_id, **lineage(client, arguments.candidate)}
        order = Order(f"job run {arguments.job_run_id or 'unknown'}", datetime.now(UTC), verdict.word)
        source, becomes = model_uri(arguments.candidate), context.settings.gate.passed_becomes
        done = register(
            client, arguments.model_name, arguments.candidate, source, verdict, tags, order, becomes=becomes
        )
        log_card(client, arguments.candidate, done, verdict)
        if CHAMPION in done.aliases and context.settings.serving.endpoint and on_databricks():
            serve_champion(done, context.settings.serving)
        alias = ", ".join(done.aliases) or "none"
        log.info("%s version %d: %s, alias: %s", done.name, done.version, done.verdict, alias)
        set_task_values({"model": done.name, "version": done.version, "verdict": done.verdict, "alias": alias})


def serve_champion(done: Registered, settings: ServingSettings) -> None:
    """Let the Model Serving endpoint serve a new champion."""
    endpoint = settings.endpoint_name or name_endpoint(done.name)
    serve_version(WorkspaceClient(), endpoint, done.name, done.version, settings.endpoint_size)


def lineage(client: MlflowClient, run_id: str) -> dict[str, str]:
    """The tags of a run that say where its model comes from; Unity Catalog allows no dots in the keys of a version."""
    tags = client.get_run(run_id).data.tags
    kept = {key: value for key, value in tags.items() if key.startswith("data_version.") or key in ORIGINS}
    return {key.replace(".", "_"): value for key, value in kept.items()}


if __name__ == "__main__":
    main()
