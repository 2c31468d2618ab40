"""The order of computing: groups of one kind of entity are one stage, and a stage says what it reads."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property

from fraud_detection.features.feature import Entity, FeatureGroup
from fraud_detection.features.registry import GROUPS, columns_of

OWN_ROW: Entity = "transaction_id"


@dataclass(frozen=True)
class Stage:
    """Groups that are computed over the same whole entities.

    Attributes:
        entity: whose rows must be whole.
        groups: in the order of computing.
        brought: features of earlier stages that these groups need.
        kept: features of this stage that a group needs, be it here or in a later stage.
    """

    entity: Entity
    groups: tuple[FeatureGroup, ...]
    brought: tuple[str, ...] = ()
    kept: tuple[str, ...] = ()

    @cached_property
    def columns(self) -> tuple[str, ...]:
        """The features of the stage."""
        return columns_of(self.groups)

    @property
    def stored(self) -> tuple[str, ...]:
        """The features that rows of the history come with, where only some rows are computed."""
        return self.brought + self.kept

    @property
    def look_back_days(self) -> int:
        """How far rows look back, on the clock that `is_delayed` tells, where features come as `stored`."""
        return max(group.look_back_days for group in self.groups)

    @property
    def reach_days(self) -> int:
        """How far a change reaches forward inside the stage, through groups that need each other."""
        return max(self._reach(group) for group in self.groups)

    def _reach(self, group: FeatureGroup) -> int:
        before = [self._reach(other) for other in self.groups if set(other.columns) & set(group.needs)]
        return group.look_back_days + max(before, default=0)

    @property
    def is_delayed(self) -> bool:
        """Whether that clock is of visibility: max(event_time + delay, known_at) instead of event_time."""
        return any(group.is_delayed for group in self.groups)


def plan_stages(groups: Sequence[FeatureGroup] = GROUPS) -> list[Stage]:
    """Groups by the entity that they need whole.

    Those that need only their own row go with the last stage, so that nothing carries what they compute; with the
    first, where another group needs it.
    """
    entities = list(dict.fromkeys(group.entity for group in groups if group.entity != OWN_ROW)) or [OWN_ROW]
    by_entity: dict[Entity, list[FeatureGroup]] = {entity: [] for entity in entities}
    needed = {name for group in groups for name in group.needs}
    for group in groups:
        place = entities[0] if needed & set(group.columns) else entities[-1]
        by_entity[place if group.entity == OWN_ROW else group.entity].append(group)
    return [_make_stage(entity, tuple(same), groups) for entity, same in by_entity.items()]


def stored_features(stages: Iterable[Stage]) -> tuple[str, ...]:
    """Every feature that some group needs, in order."""
    return tuple(dict.fromkeys(name for stage in stages for name in stage.kept))


def _make_stage(entity: Entity, groups: tuple[FeatureGroup, ...], all_groups: Sequence[FeatureGroup]) -> Stage:
    own = columns_of(groups)
    brought = dict.fromkeys(name for group in groups for name in group.needs if name not in own)
    needed = {name for group in all_groups for name in group.needs}
    return Stage(entity, groups, tuple(brought), tuple(name for name in own if name in needed))
