import pytest

from fraud_detection.errors import ModelError
from fraud_detection.scoring.champion import Model


def test_features_that_the_table_lacks_are_named(make_scorer):
    model = Model("fraud", 7, make_scorer(features=("amount", "lost_one", "lost_two")))
    model.require_features(["amount", "lost_one", "lost_two", "more"])
    with pytest.raises(ModelError, match="version 7 of fraud reads lost_one, lost_two, which the table"):
        model.require_features(["amount"])
