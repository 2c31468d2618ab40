"""Settings of scoring: the section `scoring`."""

from typing import Literal

from pydantic.dataclasses import dataclass

from fraud_detection.errors import ConfigurationError

ReasonsFor = Literal["alerts", "all", "none"]
ChallengerRole = Literal["off", "split", "shadow"]


@dataclass(frozen=True)
class ScoringSettings:
    """How transactions are scored: in batch and in a stream; the challenger and its share online too.

    Attributes:
        days: before as_of, in which a batch scores what this version of the model has not scored yet.
        reasons: which rows get reasons. Exact ones cost many times what the score costs.
        most_reasons: how many features a row's reasons name.
        stream_hours: how long a stream that does not end by itself runs before it makes room for a new run.
        challenger: what the version with that alias does, in batch, stream and online: nothing (`off`); decide instead
            of the champion for a share of the customers (`split`); score all beside it, unseen (`shadow`).
        challenger_share: of the customers, by a hash of each, so that none changes sides; a larger share adds some.
        experiment: its name; another one deals the customers anew.
        batch_bytes: of bronze that one batch of the stream takes in; its rows pass through one process.
        publish_online: whether the stream keeps up the store of the online app, which the section `serving` names.
    """

    days: int = 7
    reasons: ReasonsFor = "alerts"
    most_reasons: int = 3
    challenger: ChallengerRole = "off"
    challenger_share: float = 0.1
    experiment: str = "challenger"
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
        if not 0 < self.challenger_share < 1:
            raise ConfigurationError(
                f"scoring.challenger_share is {self.challenger_share}; expected a share between 0 and 1"
            )
