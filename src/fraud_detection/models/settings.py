"""What may be set about training; load it by `config.load_section`, which refuses unknown keys."""

from dataclasses import field
from typing import Literal

from pydantic.dataclasses import dataclass

from fraud_detection.errors import ConfigurationError

Calibrator = Literal["platt", "isotonic"]
Place = Literal["threads", "joblib_spark", "mlflow_spark"]
FamilyName = Literal[
    "xgboost",
    "xgboost_spark",
    "logistic_regression",
    "spark_logistic_regression",
    "spark_random_forest",
    "spark_gbt",
]
Road = Literal["single_node", "sampled", "spark"]
Where = Literal["auto", "single_node", "sampled", "spark"]


@dataclass(frozen=True)
class TrainingSettings:
    """How a model is searched, fitted and calibrated; the defaults were chosen on validation folds only.

    Average precision there by window: 14 days .728, 28 .731, 60 .737, 87 .741; by negative_share .05 and .1 the same to
    .0005; by boosters 1 .762, 3 .763.

    Attributes:
        window_days: length of the training window, up to the day from which labels are not yet known.
        held_out_days: the last days of the window: kept for early stopping and calibration, not fitted on.
        negative_share: share of the legitimate transactions that each booster is fitted on, weighted so that their sum
            stays the same; all frauds are always used.
        boosters: how many boosters are averaged, each with a sample of its own.
        max_rounds: most trees a booster may have.
        patience: rounds without a better average precision on the held-out days after which a booster stops.
        calibrator: what maps margins to probabilities. Expected calibration error on the validation folds of two
            worlds: without .0177, isotonic .0017, Platt .0007, at equal Brier scores of the last two.
        trials: hyperparameter trials; 0 takes `parameters` as they are.
        search_folds: weeks before the held-out one that a trial is judged on, one after another.
        search_window_days: length of the training window of a trial.
        search_negative_share: as `negative_share`, of a trial.
        search_rounds: trees of a trial.
        search_in: where trials run: threads of this process, or Spark's workers, by joblib or by MLflow's own study. On
            one machine threads are fastest (docs/models.md).
        search_workers: trials at a time, each with `threads` threads; what is proposed depends on it.
        parameters: of the family; of XGBoost, where the search starts from.
        threads: of XGBoost; a part of the result's identity, since sums depend on it.
        seed: of everything that is drawn.
        family: what is fitted; docs/models.md compares them.
        where: rows come to one node whole (single_node) or sampled by Spark first (sampled), or stay in Spark (spark);
            auto lets size, memory and throughput decide (models/where.py).
        parallelism: models that Spark's CrossValidator fits at once.
        workers: tasks that XGBoost on Spark trains with; as many must find a slot at the same time.
    """

    window_days: int = 120
    held_out_days: int = 7
    negative_share: float = 0.1
    boosters: int = 3
    max_rounds: int = 600
    patience: int = 50
    calibrator: Calibrator = "platt"
    trials: int = 12
    search_folds: int = 4
    search_window_days: int = 60
    search_negative_share: float = 0.05
    search_rounds: int = 150
    search_in: Place = "threads"
    search_workers: int = 1
    parameters: dict[str, float] = field(default_factory=dict)
    threads: int = 2
    seed: int = 20_180_725
    family: FamilyName = "xgboost"
    where: Where = "auto"
    parallelism: int = 2
    workers: int = 2

    def __post_init__(self) -> None:
        """Refuse what cannot be trained with."""
        counts = ("held_out_days", "boosters", "max_rounds", "patience", "search_folds", "search_rounds", "threads")
        for name in (*counts, "parallelism", "workers"):
            _refuse(name, getattr(self, name), getattr(self, name) >= 1, "a whole number from 1")
        for name in ("negative_share", "search_negative_share"):
            _refuse(name, getattr(self, name), 0 < getattr(self, name) <= 1, "a share above 0, up to 1")
        _refuse("window_days", self.window_days, self.window_days > self.held_out_days, "more than held_out_days")
        _refuse("trials", self.trials, self.trials >= 0, "a whole number from 0")
        least = 1 if self.search_in == "threads" else 2
        allowed = f"a whole number from {least} where search_in is {self.search_in}"
        _refuse("search_workers", self.search_workers, self.search_workers >= least, allowed)


def _refuse(name: str, value: float, allowed: bool, expected: str) -> None:  # noqa: FBT001
    if not allowed:
        raise ConfigurationError(f"training.{name} is {value}; expected {expected}")
