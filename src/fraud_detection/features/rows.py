"""What a feature group computes on: rows of whole entities, as plain arrays.

The same arrays are made from a block of a frame, from a shard of a Spark worker and from what an online store holds.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

import numpy as np

from fraud_detection.features.feature import FeatureGroup
from fraud_detection.features.point_in_time import Timeline
from fraud_detection.features.spans import Bools, Ints, Numbers


@dataclass(frozen=True)
class EntityRows:
    """Rows of whole entities of one kind, ordered by (entity, event_time, transaction_id); an array has a value a row.

    Attributes:
        timeline: what each row may see.
        event_time: microseconds since 1970, UTC.
        amount_cents: minor units of the currency.
        is_fraud: False where no label says so.
        features: those computed so far, by name, and what earlier stages computed.
    """

    timeline: Timeline
    event_time: Ints
    amount_cents: Ints
    is_fraud: Bools
    features: Mapping[str, Numbers]

    def __getitem__(self, feature: str) -> Numbers:
        """A feature that an earlier group computed."""
        return self.features[feature]

    def visible(self, marks: Bools) -> Bools:
        """For each visible label, in the order in which they became visible, a mark of its transaction."""
        return marks[self.timeline.label_rows]


def compute_groups(rows: EntityRows, groups: Iterable[FeatureGroup]) -> dict[str, Numbers]:
    """The features of groups of one kind of entity, by name; each group sees those before it."""
    computed: dict[str, Numbers] = {}
    for group in groups:
        for feature, values in zip(group.features, group.compute(rows), strict=True):
            computed[feature.name] = values.astype(np.dtype(feature.type), copy=False)
        rows = replace(rows, features={**rows.features, **computed})
    return computed
