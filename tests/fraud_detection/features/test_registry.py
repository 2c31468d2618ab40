from itertools import pairwise

import numpy as np
import polars as pl

from fraud_detection.features.point_in_time import REACH_DAYS
from fraud_detection.features.registry import ALL_FEATURES, FEATURES, GROUPS, MODEL_FEATURES, REFERENCE_FEATURES
from fraud_detection.features.single_node import compute_features


def test_names_are_unique_and_the_reference_is_among_them():
    assert len(set(ALL_FEATURES)) == len(ALL_FEATURES)
    assert len(REFERENCE_FEATURES) == 15
    assert set(REFERENCE_FEATURES) <= set(MODEL_FEATURES) <= set(ALL_FEATURES)


def test_values_have_the_declared_types_and_are_never_missing(small_world):
    features = compute_features(small_world)
    types = {"float64": pl.Float64, "int32": pl.Int32}
    for feature in FEATURES:
        column = features[feature.name]
        assert column.dtype == types[feature.type], feature.name
        assert column.null_count() == 0, feature.name
        assert np.isfinite(column.to_numpy()).all(), feature.name


def test_every_feature_varies(small_world):
    features = compute_features(small_world)
    constant = [name for name in ALL_FEATURES if features[name].n_unique() < 2]
    assert constant == []


def test_no_window_is_wider_than_the_reach():
    assert max(feature.window_days for feature in FEATURES) <= REACH_DAYS
    assert not any(group.unbounded for group in GROUPS)


def test_what_a_group_needs_is_computed_before_it():
    known = set()
    for group in GROUPS:
        assert set(group.needs) <= known, group.name
        known.update(group.columns)


def test_groups_of_one_kind_of_entity_stand_together():
    entities = [group.entity for group in GROUPS]
    changes = sum(a != b for a, b in pairwise(entities))
    assert changes == len(set(entities)) - 1
