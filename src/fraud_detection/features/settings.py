"""What a user may change about the features without changing their definition."""

from dataclasses import dataclass
from datetime import timedelta

from fraud_detection.errors import ConfigurationError

MICROSECOND = timedelta(microseconds=1)


@dataclass(frozen=True)
class FeatureSettings:
    """Settings of both engines.

    Attributes:
        label_delay: how long after a transaction its label is known at the earliest; must be positive, for only
            then no row can see its own label.
        shards: how many parts engine `spark` cuts the entities into (`engine.count_shards` computes it from bytes).
    """

    label_delay: timedelta = timedelta(days=7)
    shards: int = 16

    def __post_init__(self) -> None:
        """Refuse settings that would let a row see its own label, or make no shard."""
        if self.label_delay < MICROSECOND:
            raise ConfigurationError(f"label_delay is {self.label_delay}; expected a positive time, such as 7 days")
        if self.shards < 1:
            raise ConfigurationError(f"shards is {self.shards}; expected a whole number from 1")

    @property
    def label_delay_us(self) -> int:
        """The label delay in microseconds, the unit of every clock here."""
        return self.label_delay // MICROSECOND
