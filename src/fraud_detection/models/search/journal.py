"""What is known of a study survives the process: Optuna's log, kept as whole files."""

import hashlib
import json
import shutil
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from types import TracebackType
from typing import Final, Self

import optuna
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend
from optuna.trial import FrozenTrial, TrialState

from fraud_detection.models.search.space import Judged, Parameters, read_steps

FINISHED: Final = (TrialState.COMPLETE, TrialState.PRUNED)
INTERRUPTED: Final = (TrialState.RUNNING, TrialState.FAIL)
STUDY: Final = "search"
LOG: Final = "journal.log"


def name_study(*identity: object) -> str:
    """A name that is another one where anything that identifies the study is another, Optuna's version included."""
    text = json.dumps((optuna.__version__, *identity), sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


class Journal:
    """Optuna's log of a study on the local disk, and its last whole copy in a folder that outlives the process.

    The log cannot be written to that folder directly: a Databricks volume has no appends and no links, and a process
    that dies inside an append leaves half a line and a lock. The copy is replaced as a whole.

    Attributes:
        storage: for a new study.
        former: the trials of the process before, where one was killed.
    """

    def __init__(self, folder: Path | None) -> None:
        """Begin anew; without a folder nothing is kept."""
        self._kept = folder / LOG if folder else None
        self._place = TemporaryDirectory(prefix="search-")
        self._log = Path(self._place.name) / LOG
        self.former = _read(self._kept) if self._kept and self._kept.exists() else []
        self.storage = JournalStorage(JournalFileBackend(str(self._log))) if folder else None
        self._known = {_key(trial.params): read_steps(trial) for trial in self.former if trial.state in FINISHED}

    @property
    def interrupted(self) -> list[tuple[int, FrozenTrial]]:
        """Trials that a kill interrupted, now or before, each with how many had been finished by then."""
        finished = [trial.number for trial in self.former if trial.state in FINISHED]
        return [
            (sum(number < trial.number for number in finished), trial)
            for trial in self.former
            if trial.state in INTERRUPTED
        ]

    def recall(self, points: Sequence[Parameters], step: int) -> list[Judged] | None:
        """What a step gave at these points in the process before; None unless it is known for each of them."""
        known = [self._known.get(_key(point), ())[step : step + 1] for point in points]
        return [found[0] for found in known] if all(known) else None

    def keep(self) -> None:
        """Replace the copy by the log as it is now."""
        if self._kept:
            self._kept.parent.mkdir(parents=True, exist_ok=True)
            part = self._kept.with_suffix(".part")
            shutil.copyfile(self._log, part)
            part.replace(self._kept)

    def __enter__(self) -> Self:
        """The journal itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Remove the log; its copy stays."""
        self._place.cleanup()


def _read(log: Path) -> list[FrozenTrial]:
    return optuna.load_study(study_name=STUDY, storage=JournalStorage(JournalFileBackend(str(log)))).trials


def _key(parameters: Parameters) -> tuple[tuple[str, float], ...]:
    return tuple(sorted(parameters.items()))
