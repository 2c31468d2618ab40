"""What the gate says: every check, passed or not, with what was found and what was expected."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

Word = Literal["passed", "rejected"]


@dataclass(frozen=True)
class Check:
    """One rule and how the candidate fared."""

    name: str
    passed: bool
    found: str
    expected: str

    def __str__(self) -> str:
        """One line for a log."""
        return f"{'passed' if self.passed else 'FAILED'} {self.name}: {self.found}; expected {self.expected}"


@dataclass(frozen=True)
class Verdict:
    """All checks of a candidate.

    Attributes:
        checks: in the order in which they were made; those that depend on a failed one are absent.
        metrics: of the candidate on the judged rows; empty where its scores cannot be measured.
        champion_metrics: of the champion on the same rows; empty where there is none.
        slices: one mapping a slice: kind, slice, rows, frauds, auc_roc, average_precision.
        intervals: value, low and high by figure; a lead is the candidate's less the champion's.
    """

    checks: tuple[Check, ...]
    metrics: Mapping[str, float] = field(default_factory=dict)
    champion_metrics: Mapping[str, float] = field(default_factory=dict)
    slices: tuple[Mapping[str, Any], ...] = ()
    intervals: Mapping[str, Mapping[str, float]] = field(default_factory=dict)

    @property
    def passed(self) -> bool:
        """Whether every check passed; no checks are no pass."""
        return bool(self.checks) and all(check.passed for check in self.checks)

    @property
    def word(self) -> Word:
        """The value of the tag `verdict`."""
        return "passed" if self.passed else "rejected"

    @property
    def reasons(self) -> tuple[str, ...]:
        """One line a check, the failed ones first."""
        return tuple(str(check) for check in sorted(self.checks, key=lambda check: check.passed))

    def as_dict(self) -> dict[str, Any]:
        """As it is stored."""
        return {"verdict": self.word, "reasons": list(self.reasons), **asdict(self)}


def verdict_from_dict(values: Mapping[str, Any]) -> Verdict:
    """Read what `as_dict` wrote; the word is worked out anew from the checks."""
    return Verdict(
        checks=tuple(Check(**check) for check in values["checks"]),
        metrics=values["metrics"],
        champion_metrics=values["champion_metrics"],
        slices=tuple(values["slices"]),
        intervals=values.get("intervals", {}),  # absent from verdicts of before
    )
