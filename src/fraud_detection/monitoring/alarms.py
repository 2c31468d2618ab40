"""What is wrong, of which kind, and what follows from it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Literal

from fraud_detection.monitoring.settings import MonitoringSettings

Kind = Literal["data", "drift", "performance"]


@dataclass(frozen=True)
class Alarm:
    """One reason to look.

    Attributes:
        kind: data is broken or lacking, which people mend; or what arrives, or what it is worth, is other than it was.
        text: what was found.
    """

    kind: Kind
    text: str

    def __str__(self) -> str:
        """As it is kept and shown."""
        return f"{self.kind}: {self.text}"


@dataclass(frozen=True)
class Decision:
    """Whether to train again, and why or why not."""

    retrain: bool
    why: str


def decide(alarms: Sequence[Alarm], day: date, last_retrained: date | None, settings: MonitoringSettings) -> Decision:
    """Train again where the world has changed; never by broken data, nor again before the last time could help.

    Args:
        alarms: of the day.
        day: for which is decided.
        last_retrained: the last day before it for which training was started.
        settings: the cool-down.
    """
    broken = [alarm.text for alarm in alarms if alarm.kind == "data"]
    moved = [alarm.text for alarm in alarms if alarm.kind != "data"]
    if not moved:
        return Decision(retrain=False, why="nothing has drifted" + (", but data is broken" if broken else ""))
    if broken:
        return Decision(retrain=False, why=f"data is broken, so nothing shall be learned from it: {broken[0]}")
    if last_retrained and (day - last_retrained).days < settings.cool_down_days:
        days = settings.cool_down_days
        return Decision(retrain=False, why=f"training was started on {last_retrained}, less than {days} days ago")
    return Decision(retrain=True, why="; ".join(moved))
