"""What a feature and a group of features are."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal

from fraud_detection.features.spans import Numbers

if TYPE_CHECKING:
    from fraud_detection.features.rows import EntityRows

Entity = Literal["transaction_id", "customer_id", "terminal_id"]
FeatureType = Literal["float64", "int32"]
Reads = Literal["own row", "events", "delayed events", "visible labels"]

DELAYED: Final = ("delayed events", "visible labels")
OWNER = "fraud-features"
TIE_RULE = "rows of one time are ordered by transaction_id; a row sees those before it, and itself"


@dataclass(frozen=True)
class Feature:
    """One column: its name, type, meaning, the width of its window in days, and what it reads through it."""

    name: str
    type: FeatureType
    description: str
    window_days: int = 0
    reads: Reads = "own row"


@dataclass(frozen=True)
class FeatureGroup:
    """Features of one kind of entity, computed together.

    Attributes:
        entity: the key whose rows must be whole and together; `transaction_id` where a row is enough.
        compute: from rows of whole entities to the values of the features, an array each, in their order.
        needs: features of earlier groups that this one reads.
        inner_days: how far the rows of a window look back themselves, where a group computes on what it computed.
        unbounded: whether a value depends on all of the past; then incremental runs need a state for each entity.
    """

    name: str
    entity: Entity
    features: tuple[Feature, ...]
    compute: "Callable[[EntityRows], Sequence[Numbers]]"
    needs: tuple[str, ...] = ()
    owner: str = OWNER
    tie_rule: str = TIE_RULE
    inner_days: int = 0
    unbounded: bool = False

    @property
    def columns(self) -> tuple[str, ...]:
        """Names of the features, in order."""
        return tuple(feature.name for feature in self.features)

    @property
    def look_back_days(self) -> int:
        """How far a value looks back, with the features that it needs given.

        On the clock of events; where a group reads delayed events or labels, on the clock of their visibility.
        """
        return max(feature.window_days for feature in self.features) + self.inner_days

    @property
    def is_delayed(self) -> bool:
        """Whether it reads events or labels through the label delay."""
        return any(feature.reads in DELAYED for feature in self.features)
