import pytest

from fraud_detection.errors import ModelError
from fraud_detection.scoring.champion import Champion, Model, load_version


def test_without_a_champion_the_model_is_named(registry, make_scorer):
    with pytest.raises(ModelError, match="model nobody has no champion; expected"):
        Champion(registry.client, "nobody").current()
    registry.add("headless", make_scorer(), "challenger")
    with pytest.raises(ModelError, match="model headless has no champion"):
        Champion(registry.client, "headless").current()


def test_another_version_is_loaded_once_the_alias_points_to_it_and_not_before(registry, make_scorer):
    loaded = []

    def load(name, version):
        loaded.append(version)
        return load_version(name, version)

    registry.add("moving", make_scorer(0.5), "champion")
    champion = Champion(registry.client, "moving", load)
    assert champion.current() is champion.current()
    registry.add("moving", make_scorer(0.7))
    assert champion.current().version == 1
    registry.client.set_registered_model_alias("moving", "champion", "2")
    second = champion.current()
    assert (second.version, second.scorer.threshold, second.variant) == (2, 0.7, "champion")
    assert loaded == [1, 2]


def test_features_that_the_table_lacks_are_named(make_scorer):
    model = Model("fraud", 7, make_scorer(features=("amount", "lost_one", "lost_two")))
    model.require_features(["amount", "lost_one", "lost_two", "more"])
    with pytest.raises(ModelError, match="version 7 of fraud reads lost_one, lost_two, which the table"):
        model.require_features(["amount"])
