"""What a user may change about the features without changing their definition."""

from dataclasses import dataclass

from fraud_detection.errors import ConfigurationError


@dataclass(frozen=True)
class FeatureSettings:
    """Settings of both engines.

    Attributes:
        label_delay_days: days after a transaction until its label is known at the earliest; from 1, for only with a
            delay can no row see its own label.
        shards: how many parts engine `spark` cuts the entities into (`engine.count_shards` computes it).
    """

    label_delay_days: int = 7
    shards: int = 16

    def __post_init__(self) -> None:
        """Refuse settings that would let a row see its own label, or make no shard."""
        for name in ("label_delay_days", "shards"):
            if getattr(self, name) < 1:
                raise ConfigurationError(f"{name} is {getattr(self, name)}; expected a whole number from 1")
