"""Settings of scoring: the section `scoring`."""

from typing import Literal

from pydantic.dataclasses import dataclass

from fraud_detection.errors import ConfigurationError

ReasonsFor = Literal["alerts", "all", "none"]


@dataclass(frozen=True)
class ScoringSettings:
    """How transactions are scored, in batch and in a stream.

    Attributes:
        days: before as_of, in which a batch scores what this version of the model has not scored yet.
        reasons: which rows get reasons. Exact ones cost many times what the score costs.
        most_reasons: how many features a row's reasons name.
        stream_hours: how long a stream that does not end by itself runs before it makes room for a new run.
        batch_bytes: of bronze that one batch of the stream takes in; its rows pass through one process.
        publish_online: whether the stream keeps up the store of the online app, which the section `serving` names.
    """

    days: int = 7
    reasons: ReasonsFor = "alerts"
    most_reasons: int = 3
    stream_hours: float = 24.0
    batch_bytes: int = 64 * 1024 * 1024
    publish_online: bool = False

    def __post_init__(self) -> None:
        """Refuse what would score nothing."""
        least = min(self.days, self.most_reasons, self.stream_hours, self.batch_bytes)
        if least <= 0:
            raise ConfigurationError(
                f"scoring has days {self.days}, most_reasons {self.most_reasons}, stream_hours {self.stream_hours}, "
                f"batch_bytes {self.batch_bytes}; expected all above 0 (no reasons: reasons: none)"
            )
