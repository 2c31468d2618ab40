"""Trains a registered version again, from the tables and settings that its run records."""

from dataclasses import replace
from pathlib import Path

from mlflow import MlflowClient

from fraud_detection.models.reproduction import Reproduction, compare_models, settings_to_repeat
from fraud_detection.models.tracking import data_versions, load_scorer, load_settings, model_uri
from fraud_detection.tables import Tables
from fraud_detection.tasks.arguments import Arguments
from fraud_detection.tasks.context import Context, build_settings
from fraud_detection.tasks.pinned import naming_what_is_gone, pin
from fraud_detection.tasks.train import train
from fraud_detection.tasks.validate import read_judged


def reproduce(client: MlflowClient, run_id: str, local: Path | None) -> Reproduction:
    """Read the tables at the recorded Delta versions, train again, and compare the predictions of the test week.

    Args:
        client: of the tracking store that holds the run.
        run_id: of the candidate that became the version.
        local: the folder of a laptop's tables; None on Databricks.

    Raises:
        DataError: the tables cannot be read at those versions any more.
        ModelError: the run doesn't say what it was made from.
        ConfigurationError: this code doesn't know a setting of the run: check out its commit.
    """
    run = client.get_run(run_id).data
    recorded, settings = run.tags, load_settings(run_id)
    arguments = Arguments(**settings.pop("arguments"))
    tables = Tables(arguments.catalog, arguments.schema, local / "warehouse" if local else None)
    versions = data_versions(recorded)
    made_with = build_settings(settings)
    again = replace(made_with, training=settings_to_repeat(made_with.training, run.params))
    pinned = pin(tables, versions)
    context = Context("reproduce", arguments, again, pinned, local)
    stored = load_scorer(model_uri(run_id))
    with naming_what_is_gone(pinned):
        candidate = train(context, stored.features)
        judged = read_judged(context, stored.features, candidate.fold)
    return compare_models(stored, candidate.scorer, judged, recorded, context.provenance(versions).tags())
