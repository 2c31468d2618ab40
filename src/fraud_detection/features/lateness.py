"""How late labels become known: by this an update knows how old a transaction can be whose label still matters."""

from dataclasses import dataclass
from datetime import datetime, timedelta


@dataclass(frozen=True)
class Lateness:
    """Bounds of the time from a transaction to the moment when its label is known, in microseconds; 0 lies between."""

    least: int = 0
    most: int = 0

    def __or__(self, other: "Lateness") -> "Lateness":
        """The bounds of both."""
        return Lateness(min(self.least, other.least), max(self.most, other.most))

    def first_event(self, seen_after: datetime, delay_days: int) -> datetime:
        """No earlier transaction counts, or has a label that is visible, after a moment."""
        return move(seen_after, -max(timedelta(days=delay_days), timedelta(microseconds=self.most)))

    def first_known(self, event: datetime) -> datetime:
        """No label of this or a later transaction was known before."""
        return move(event, timedelta(microseconds=self.least))


def move(moment: datetime, by: timedelta) -> datetime:
    """Earlier by a span; the first moment there is, where silver holds dates such as year 1."""
    first = datetime.min.replace(tzinfo=moment.tzinfo)
    return moment + by if moment - first >= -by else first
