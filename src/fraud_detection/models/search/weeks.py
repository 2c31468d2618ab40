"""A booster judged on whole weeks, in memory or, for workers elsewhere, from files."""

import threading
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache, lru_cache, partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

import numpy as np
import numpy.typing as npt
from sklearn.metrics import average_precision_score

from fraud_detection.models import boosting
from fraud_detection.models.search.space import Judge, Parameters, Plan
from fraud_detection.models.search.study import Study, search
from fraud_detection.models.settings import TrainingSettings

WEEKS_IN_MEMORY: Final = 8
ARRAYS: Final = ("fitted", "fitted_labels", "fitted_weights", "judged", "judged_labels")


@dataclass(frozen=True)
class Week:
    """The rows that a trial is fitted on, and those of the week after, by which it is judged."""

    sample: boosting.Sample
    matrix: boosting.Matrix
    labels: npt.NDArray[np.bool_]

    def save(self, folder: Path) -> None:
        """Write one .npy file an array: they are written from end to end, as a Databricks volume wants it."""
        folder.mkdir(parents=True, exist_ok=True)
        for name, array in self._arrays().items():
            np.save(folder / f"{name}.npy", array, allow_pickle=False)

    @classmethod
    def load(cls, folder: Path) -> "Week":
        """Read what `save` wrote."""
        matrix, labels, weights, judged, truth = (
            np.load(folder / f"{name}.npy", allow_pickle=False) for name in ARRAYS
        )
        return cls(boosting.Sample(matrix, labels, weights), judged, truth)

    def _arrays(self) -> dict[str, np.ndarray]:
        arrays = (self.sample.matrix, self.sample.labels, self.sample.weights, self.matrix, self.labels)
        return dict(zip(ARRAYS, arrays, strict=True))


def search_weeks(
    weeks: Sequence[Week], settings: TrainingSettings, start: Parameters, keep: Path | None = None
) -> Study:
    """Search as the settings say, each week a step; workers elsewhere read the weeks from the folder that is kept."""
    plan = Plan(judge_in_memory(weeks, settings), len(weeks), settings.trials, settings.seed, start)
    if settings.search_in == "threads":
        return search(plan, "threads", settings.search_workers, keep)
    with TemporaryDirectory() as here:
        judge = judge_from_files(weeks, settings, (keep or Path(here)) / "weeks")
        return search(replace(plan, judge=judge), settings.search_in, settings.search_workers, keep)


def judge_in_memory(weeks: Sequence[Week], settings: TrainingSettings) -> Judge:
    """A judge for threads of this process; each has bins of its own, for XGBoost doesn't promise to share them."""

    @cache
    def bins(thread: int, step: int) -> boosting.Binned:
        del thread
        return weeks[step].sample.binned(settings.threads)

    def judge(parameters: Parameters, step: int) -> float:
        return _precision(weeks[step], bins(threading.get_ident(), step), parameters, settings)

    return judge


def judge_from_files(weeks: Sequence[Week], settings: TrainingSettings, folder: Path) -> Judge:
    """A judge for processes anywhere that see the folder; it pickles to a few bytes."""
    for step, week in enumerate(weeks):
        week.save(folder / str(step))
    return partial(_judge_file, str(folder.absolute()), settings)


def _judge_file(folder: str, settings: TrainingSettings, parameters: Parameters, step: int) -> float:
    week, bins = _load(folder, step, settings.threads)
    return _precision(week, bins, parameters, settings)


@lru_cache(maxsize=WEEKS_IN_MEMORY)
def _load(folder: str, step: int, threads: int) -> tuple[Week, boosting.Binned]:
    """Read and binned once a process: Spark keeps its Python workers."""
    week = Week.load(Path(folder) / str(step))
    return week, week.sample.binned(threads)


def _precision(week: Week, bins: boosting.Binned, parameters: Parameters, settings: TrainingSettings) -> float:
    booster = boosting.fit_booster(bins, parameters, settings.search_rounds, settings.threads, settings.seed)
    return float(average_precision_score(week.labels, booster.inplace_predict(week.matrix)))
