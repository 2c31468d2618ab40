"""Collects what the card of a model tells from its MLflow run, and keeps the card there."""

from collections.abc import Mapping
from pathlib import Path
from typing import Final

import mlflow
from mlflow import MlflowClient
from mlflow.entities import Run

from fraud_detection.models.card import Card, render_html, render_markdown
from fraud_detection.models.registry import Registered
from fraud_detection.models.tracking import DATA_VERSION, JUDGED_VERSION
from fraud_detection.models.verdict import Verdict

FOLDER: Final = "card"
PARENT: Final = "mlflow.parentRunId"
COST: Final = "estimated_cost_usd"
LINEAGE: Final = ("git_commit", "code_sha256", "wheel_sha256", "lock_sha256", "runtime")


def log_card(client: MlflowClient, run_id: str, done: Registered, verdict: Verdict) -> None:
    """Write card.html and card.md of a registered version to its run."""
    card = collect_card(client, run_id, done, verdict)
    client.log_text(run_id, render_html(card), f"{FOLDER}/card.html")
    client.log_text(run_id, render_markdown(card), f"{FOLDER}/card.md")


def collect_card(client: MlflowClient, run_id: str, done: Registered, verdict: Verdict) -> Card:
    """The card as values."""
    run = client.get_run(run_id)
    parent = run.data.tags.get(PARENT)
    paid = client.get_run(parent).data.metrics.get(COST) if parent else None
    return Card(
        title=f"{done.name}, version {done.version}",
        verdict=verdict,
        facts={
            "alias at registration": ", ".join(done.aliases) or "none",
            "answers": "probability of fraud; is_alert, whether a review pays",
            "threshold of alerts": f"{run.data.metrics['threshold']:.4g}",
            "chosen for": _describe_alerts(run.data.params),
            "run": run_id,
        },
        data=_describe_data(run, verdict),
        recipe=_describe_recipe(run.data.params),
        lineage=_describe_lineage(run.data.tags),
        cost=_describe_cost(run, paid),
        pictures=_read_pictures(client, run_id),
    )


def _describe_data(run: Run, verdict: Verdict) -> dict[str, str]:
    metrics, tags = run.data.metrics, run.data.tags
    judged = {name: f"{verdict.metrics[name]:,.0f}" for name in ("rows", "frauds") if name in verdict.metrics}
    return {
        "trained until": tags["trained_until"],
        "window": f"{run.data.params['window_days']} days, the last {run.data.params['held_out_days']} held out",
        "rows fitted on": f"{metrics['training_rows']:,.0f}, {metrics['training_frauds']:,.0f} frauds",
        "features": run.data.params["features"],
        "test week from": tags["test_start"],
        **{f"{name} judged": value for name, value in judged.items()},
    }


def _describe_recipe(params: Mapping[str, str]) -> dict[str, str]:
    family = params["family"]
    parameters = {key.removeprefix(f"{family}."): params[key] for key in sorted(params) if key.startswith(f"{family}.")}
    told = {name: params[name] for name in ("where", "where_reason", "trials", "boosters", "trees") if name in params}
    return {"family": family, **told, **parameters}


def _describe_alerts(params: Mapping[str, str]) -> str:
    cost, share, reviews = (params[f"costs.{name}"] for name in ("review_cost", "loss_share", "reviews_a_day"))
    return f"{cost} a review, {share} of a fraud's amount lost without one, {reviews} reviews a day"


def _describe_lineage(tags: Mapping[str, str]) -> dict[str, str]:
    versions = {
        key.replace("_", " ", 1).replace(".", " of "): tags[key]
        for key in sorted(tags)
        if key.startswith((DATA_VERSION, JUDGED_VERSION))
    }
    return versions | {name: tags[name] for name in LINEAGE if name in tags}


def _describe_cost(run: Run, paid: float | None) -> dict[str, str]:
    seconds = {key: value for key, value in run.data.metrics.items() if key.startswith("seconds_")}
    return {
        **{key.removeprefix("seconds_"): f"{value:,.1f} s" for key, value in sorted(seconds.items())},
        "estimated for the attempt of the task": "not known yet" if paid is None else f"{paid:.4f} USD",
    }


def _read_pictures(client: MlflowClient, run_id: str) -> dict[str, bytes]:
    listed = client.list_artifacts(run_id, "plots/test")
    paths = [item.path for item in listed if item.path.endswith(".png")]
    return {Path(path).name: _read(run_id, path) for path in paths}


def _read(run_id: str, path: str) -> bytes:
    return Path(mlflow.artifacts.download_artifacts(run_id=run_id, artifact_path=path)).read_bytes()
