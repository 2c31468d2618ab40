"""MLflow runs: what a training leaves behind, and how a model comes back."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

import mlflow
import numpy as np
import numpy.typing as npt
import pandas as pd
import polars as pl
from mlflow.models import ModelSignature
from mlflow.pyfunc import PyFuncModel
from mlflow.types import ColSpec, DataType, ParamSchema, ParamSpec, Schema

from fraud_detection.errors import ModelError
from fraud_detection.models import plots, scorer
from fraud_detection.models.baseline import Baseline, describe, read_baseline
from fraud_detection.models.integrity import MODEL_HASH, PARTS, fetch_model
from fraud_detection.models.metrics import evaluate, labels_of
from fraud_detection.models.provenance import Provenance, hash_files, serving_requirements
from fraud_detection.models.score_distribution import ScoreDistribution, describe_scores
from fraud_detection.models.scorer import Scorer
from fraud_detection.models.search.runs import log_trials
from fraud_detection.models.training import Candidate, score_rows
from fraud_detection.models.verdict import Verdict, verdict_from_dict

MODEL: Final = "model"
VERDICT_FILE: Final = "verdict.json"
BASELINE_FILE: Final = "baseline.json"
SETTINGS_FILE: Final = "settings.json"
DATA_VERSION: Final = "data_version."
JUDGED_VERSION: Final = "judged_version."
TRAINED_UNTIL: Final = "trained_until"
THRESHOLD: Final = "threshold"
DISTRIBUTION: Final = "score_distribution"
EXAMPLE_QUANTILES: Final = (0.1, 0.5, 0.9)

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class StoredModel:
    """A model as the registry or a run holds it, ready to score.

    Attributes:
        features: the columns of its signature, in order.
        input_types: their types, as MLflow calls them.
        outputs: the columns of its answer.
        trained_until: no label of an event from this moment on was learned.
        threshold: probability from which on it raises an alert.
        distribution: of its scores on the held-out days; None for a model of before there was one.
        size_bytes: of all its files.
    """

    uri: str
    features: tuple[str, ...]
    input_types: tuple[str, ...]
    outputs: tuple[str, ...]
    trained_until: datetime
    threshold: float
    distribution: ScoreDistribution | None
    size_bytes: int
    model: PyFuncModel

    def score(self, rows: pl.DataFrame) -> Floats:
        """Calibrated probabilities through MLflow, its signature enforced; null features become NaN."""
        columns = rows.select(pl.col(name).cast(pl.Float64).fill_null(float("nan")) for name in self.features)
        answer = pd.DataFrame(self.model.predict(columns.to_pandas()))
        return answer["probability"].to_numpy(dtype=np.float64)


def log_candidate(candidate: Candidate, provenance: Provenance) -> str:
    """Log a run of the current experiment: parameters, metrics, pictures, trials as runs below it, lineage, model.

    Returns:
        The id of the run.
    """
    with mlflow.start_run(run_name="candidate", nested=True) as run:
        mlflow.log_params(_parameters(candidate))
        mlflow.log_metrics(_metrics(candidate))
        mlflow.set_tags(_tags(candidate, provenance))
        mlflow.log_dict(dict(provenance.settings), SETTINGS_FILE)
        if provenance.lock_file:
            mlflow.log_artifact(str(provenance.lock_file), "environment")
        if candidate.tried is not None:
            mlflow.log_text(candidate.tried.write_csv(), "cross_validation.csv")
        if candidate.study:
            mlflow.log_text(candidate.study.trials.write_csv(), "trials.csv")
            log_trials(mlflow.MlflowClient(), str(run.info.run_id), candidate.study)
        _log_plots(candidate.scorer, candidate.held_out, candidate.held_out["score"].to_numpy(), "held_out")
        scores = candidate.held_out["score"].to_numpy()
        mlflow.log_dict(describe(candidate.held_out, candidate.scorer.features, scores).to_dict(), BASELINE_FILE)
        _log_model(candidate)
    return str(run.info.run_id)


def log_verdict(run_id: str, verdict: Verdict, judged: pl.DataFrame, versions: Mapping[str, int]) -> None:
    """Add the verdict, what it was reached on, the metrics and the pictures of the judged rows to the candidate's run.

    Args:
        versions: Delta versions of the tables that the judged rows come from.
    """
    with mlflow.start_run(run_id=run_id, nested=True):
        mlflow.log_dict(verdict.as_dict(), VERDICT_FILE)
        mlflow.log_metrics({f"test_{name}": value for name, value in verdict.metrics.items()})
        if verdict.metrics:
            model = load_scorer(model_uri(run_id))
            _log_plots(model, judged, score_rows(model, judged), "test")
        mlflow.set_tags({f"{JUDGED_VERSION}{table}": str(version) for table, version in versions.items()})
        mlflow.set_tag("verdict", verdict.word)


def load_settings(run_id: str) -> dict[str, Any]:
    """Every setting of a run, by section, its arguments among them."""
    return dict(mlflow.artifacts.load_dict(f"runs:/{run_id}/{SETTINGS_FILE}"))


def data_versions(tags: Mapping[str, str]) -> dict[str, int]:
    """The Delta version of each table that a run was made from, from its tags.

    Raises:
        ModelError: the run names none.
    """
    found = {key.removeprefix(DATA_VERSION): int(value) for key, value in tags.items() if key.startswith(DATA_VERSION)}
    if not found:
        raise ModelError("the run has no tags data_version.…; expected those of a candidate of this pipeline")
    return found


def load_verdict(run_id: str) -> Verdict:
    """The verdict that was logged; a run without one raises MLflow's error, so nothing is promoted unjudged."""
    return verdict_from_dict(mlflow.artifacts.load_dict(f"runs:/{run_id}/{VERDICT_FILE}"))


def load_baseline(run_id: str) -> Baseline:
    """What the features and the scores of a model looked like when it was made.

    Raises:
        ModelError: what is there is no baseline.
    """
    return read_baseline(mlflow.artifacts.load_dict(f"runs:/{run_id}/{BASELINE_FILE}"))


def load_model(uri: str) -> StoredModel:
    """Load a model from a run or by its version or alias.

    Raises:
        ModelError: its files are not those that were trained; it has no signature, or doesn't say until when it was
            trained.
    """
    folder = fetch_model(uri)
    model = mlflow.pyfunc.load_model(str(folder))
    signature, notes = model.metadata.signature, model.metadata.metadata or {}
    if signature is None or TRAINED_UNTIL not in notes:
        raise ModelError(f"{uri} lacks a signature or the note {TRAINED_UNTIL!r}; expected a model of this pipeline")
    outputs = signature.outputs.input_names() if signature.outputs else ()
    return StoredModel(
        uri=uri,
        features=tuple(signature.inputs.input_names()),
        input_types=tuple(kind.name for kind in signature.inputs.input_types()),
        outputs=tuple(outputs),
        trained_until=datetime.fromisoformat(notes[TRAINED_UNTIL]),
        threshold=float(notes.get(THRESHOLD, scorer.NO_ALERTS)),
        distribution=ScoreDistribution(**notes[DISTRIBUTION]) if DISTRIBUTION in notes else None,
        size_bytes=sum(file.stat().st_size for file in folder.rglob("*") if file.is_file()),
        model=model,
    )


def load_scorer(uri: str) -> Scorer:
    """The parts themselves: the fast road for scoring, past MLflow's checks.

    Raises:
        ModelError: the files are not those that were trained.
    """
    return Scorer.load(fetch_model(uri) / PARTS / scorer.ARTIFACT)


def model_uri(run_id: str) -> str:
    """Where a run's model is."""
    return f"runs:/{run_id}/{MODEL}"


def _parameters(candidate: Candidate) -> dict[str, Any]:
    settings = asdict(candidate.settings)
    settings.pop("parameters")
    settings |= {f"costs.{name}": value for name, value in asdict(candidate.costs).items()}
    family, boosters = candidate.settings.family, (*candidate.scorer.boosters, *candidate.scorer.forests)
    chosen = {f"{family}.{name}": value for name, value in candidate.parameters.items()}
    told = {"trees": "+".join(str(booster.num_boosted_rounds()) for booster in boosters)} if boosters else {}
    if candidate.choice:
        told["where_reason"] = candidate.choice.reason
    return {**settings, **chosen, **told, "features": len(candidate.scorer.features)}


def _metrics(candidate: Candidate) -> dict[str, float]:
    held_out = evaluate(candidate.held_out, candidate.held_out["score"].to_numpy())
    metrics = {f"held_out_{name}": value for name, value in held_out.as_dict().items()}
    metrics |= {f"seconds_{name}": value for name, value in candidate.seconds.items()}
    if candidate.study:
        metrics["search_average_precision"] = candidate.study.value
    metrics |= {f"held_out_{name}": value for name, value in candidate.saving.items()}
    return {
        **metrics,
        THRESHOLD: candidate.scorer.threshold,
        "training_rows": candidate.rows,
        "training_frauds": candidate.frauds,
    }


def _tags(candidate: Candidate, provenance: Provenance) -> dict[str, str]:
    versions = {f"{DATA_VERSION}{table}": str(version) for table, version in provenance.data_versions.items()}
    return {
        **versions,
        **provenance.tags(),
        TRAINED_UNTIL: candidate.fold.train_end.isoformat(),
        "test_start": candidate.fold.test_start.isoformat(),
    }


def _log_plots(model: Scorer, rows: pl.DataFrame, scores: Floats, kind: str) -> None:
    title = "held-out days" if kind == "held_out" else "test week"
    for name, figure in plots.draw_all(labels_of(rows), scores, plots.gain_shares(model), title).items():
        mlflow.log_figure(figure, f"plots/{kind}/{name}")


def _log_model(candidate: Candidate) -> None:
    features = candidate.scorer.features
    # Of nobody: quantiles, feature by feature.
    example = pl.concat(
        candidate.held_out.select(pl.col(name).cast(pl.Float64).quantile(share) for name in features).fill_null(
            float("nan")
        )
        for share in EXAMPLE_QUANTILES
    )
    with TemporaryDirectory() as place:
        folder = Path(place) / scorer.ARTIFACT
        candidate.scorer.save(folder)
        parts = {f"{PARTS}/{scorer.ARTIFACT}/{file.name}": file for file in folder.iterdir()}
        code = Path(scorer.__file__)
        mlflow.set_tag(MODEL_HASH, hash_files({**parts, code.name: code}))
        mlflow.pyfunc.log_model(
            name=MODEL,
            python_model=scorer.__file__,
            artifacts={scorer.ARTIFACT: str(folder)},
            signature=_signature(features),
            input_example=example.to_pandas(),
            pip_requirements=serving_requirements(),
            metadata={
                TRAINED_UNTIL: candidate.fold.train_end.isoformat(),
                THRESHOLD: candidate.scorer.threshold,
                DISTRIBUTION: asdict(describe_scores(candidate.held_out["score"].to_numpy())),
            },
        )


def _signature(features: tuple[str, ...]) -> ModelSignature:
    inputs = Schema([ColSpec("double", name) for name in features])
    outputs = Schema([ColSpec("double", "probability"), ColSpec("boolean", "is_alert")])
    options = ParamSchema([ParamSpec(scorer.REASONS, DataType.long, 0)])
    return ModelSignature(inputs=inputs, outputs=outputs, params=options)
