"""Two runs at once of every pair of tasks: what they leave, against what they leave one after the other.

A run may be refused because the other one came first, if it says so by name. Afterwards both are given once more, one
after the other, as the next run of their jobs does. Each task has a process and a JVM of its own.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations_with_replacement
from pathlib import Path

from crashes.matrix import Look, Rehearsal, Step, compare, tail

EARLIER = (
    Step("first delivery", "data_prep", days_held_back=3),
    Step("features", "feature_build", as_of_days_back=3),
    Step("training", "train", as_of_days_back=3),
    Step("verdict", "validate", as_of_days_back=3, options={"candidate": "{candidate}"}),
    Step(
        "registering",
        "register",
        as_of_days_back=3,
        options={"candidate": "{candidate}", "verdict": "{verdict}", "job_run_id": "7"},
    ),
    Step("second delivery", "data_prep", days_held_back=1, as_of_days_back=1),
)
"""After these every task below has work: files wait, silver is ahead of features, and nothing is scored."""
# In this order one task leaves nothing to do for those before it, so that one pass is the measure.
TASKS = (
    Step("data_prep", "data_prep", days_held_back=0),
    Step("score_stream", "score_stream"),
    Step("feature_build", "feature_build"),
    Step("score", "score"),
    Step("monitor", "monitor"),
    Step("maintain", "maintain"),
    Step("register", "register", options={"candidate": "{candidate}", "verdict": "{verdict}", "job_run_id": "8"}),
)
WHO_CAME_FIRST = ("scored_by", "finished_at", "reason", "retrain")
"""Columns that tell which of two runs did the work."""
COMPARED = ("aliases", "versions")
NAMED = "fraud_detection.errors."
"""An error of ours says what to do; any other one is a fault."""

ERROR = re.compile(r"[A-Za-z_][\w.]*(?:Error|Exception|Interrupt)\b")

Pair = tuple[int, int]


@dataclass(frozen=True)
class Met:
    """How a pair went.

    Attributes:
        refused: the tasks that were refused, with the end of what they said.
        unnamed: those of them whose last error names nothing.
    """

    refused: Mapping[str, str]
    unnamed: Mapping[str, str]
    lost: int
    doubled: int
    differences: Sequence[str]


class Pairs(Rehearsal):
    """The place before the pairs, and the pairs."""

    def __init__(self, folder: Path, environment: Mapping[str, str]) -> None:
        """Work in a folder; each task starts a JVM of its own."""
        super().__init__(folder, environment, (*EARLIER, *TASKS))

    @property
    def pairs(self) -> list[Pair]:
        """The numbers of the steps of every pair, a task with itself included."""
        return list(combinations_with_replacement(range(len(EARLIER), len(self.steps)), 2))

    def build(self) -> Iterator[str]:
        """Run what comes before the pairs; yields what is done."""
        for number, step in enumerate(EARLIER):
            self._deliver(step)
            self._finish(number)
            self._remember(step)
            yield step.name
        self._deliver(TASKS[0])
        self.keep(len(EARLIER))

    def meet(self, pair: Pair) -> Met:
        """Run a pair at once and then in order; compare with the pair in order alone, or reversed and then in order."""
        self.restore(len(EARLIER))
        refused = self._run_at_once(pair)
        unnamed = {name: said for name, said in refused.items() if not find_error(said).startswith(NAMED)}
        found = self._after(pair)
        self.restore(len(EARLIER))
        result = compare(found, self._after(pair))
        if result[2] and pair[0] != pair[1]:
            self.restore(len(EARLIER))
            result = min(result, compare(found, self._after((*reversed(pair), *pair))), key=lambda one: len(one[2]))
        return Met(refused, unnamed, *result)

    def _after(self, numbers: Sequence[int]) -> Look:
        for number in numbers:
            self._finish(number)
        found = self.look(*WHO_CAME_FIRST)
        return {name: rows for name, rows in found.items() if name.startswith("table ") or name in COMPARED}

    def name(self, pair: Pair) -> str:
        """For people."""
        return " and ".join(self.steps[number].name for number in pair)

    def _run_at_once(self, pair: Pair) -> dict[str, str]:
        logs = [self.folder / f"task{place}.log" for place in range(len(pair))]
        started = [self._start(number, log) for number, log in zip(pair, logs, strict=True)]
        refused = {}
        try:
            for number, process, log in zip(pair, started, logs, strict=True):
                if self._wait(number, process, log) != 0:
                    refused[f"{self.steps[number].name} in {log.stem}"] = tail(log)
        finally:
            for process in started:
                process.kill()
        return refused


def find_error(said: str) -> str:
    """The last line that names an error, as Python ends a stack trace."""
    return next((line for line in reversed(said.splitlines()) if ERROR.match(line)), "")
