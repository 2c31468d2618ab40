"""Who decides for which customer: the same in Python and on Spark, and the same for ever."""

import math
import time
from unittest.mock import ANY

import polars as pl
import pytest
from pyspark.sql import functions as F

from fraud_detection.errors import ConfigurationError, ModelError
from fraud_detection.models.scorer import Linear, Scorer
from fraud_detection.scoring import variants
from fraud_detection.scoring.champion import Model, load_version
from fraud_detection.scoring.settings import ScoringSettings
from fraud_detection.scoring.turns import is_dealt_column, part_rows, take_turns
from fraud_detection.scoring.variants import Contestants, LineUp, is_dealt, line_up

CUSTOMERS = [f"C{number:06}" for number in range(4000)] + ["", "ä:ö", "42"]
SPLIT = ScoringSettings(challenger="split")


def test_spark_and_python_deal_alike(spark):
    rows = spark.createDataFrame([(customer,) for customer in CUSTOMERS], "customer_id string")
    dealt = rows.where(is_dealt_column(F.col("customer_id"), "spring", 0.3))
    assert {row.customer_id for row in dealt.collect()} == {one for one in CUSTOMERS if is_dealt(one, "spring", 0.3)}


def test_the_share_is_met_a_larger_one_only_adds_and_another_name_deals_anew():
    few, more = ({one for one in CUSTOMERS if is_dealt(one, "spring", share)} for share in (0.1, 0.3))
    assert 0.08 < len(few) / len(CUSTOMERS) < 0.12
    assert 0.27 < len(more) / len(CUSTOMERS) < 0.33
    assert few < more
    other = {one for one in CUSTOMERS if is_dealt(one, "autumn", 0.3)}
    assert 0.2 < len(more & other) / len(more) < 0.4


def test_a_customer_stays_where_it_was_dealt_for_ever():
    """Known answers: a hash that changed would move customers in the middle of an experiment."""
    assert [is_dealt(one, "challenger", 0.5) for one in ("C000001", "C000002", "C000003", "C000004")] == [
        False,
        False,
        False,
        True,
    ]


@pytest.mark.parametrize("share", [0.0, 1.0, -0.1])
def test_a_share_that_leaves_one_side_empty_is_refused(share):
    with pytest.raises(ConfigurationError, match="challenger_share"):
        ScoringSettings(challenger_share=share)


@pytest.mark.parametrize(
    ("role", "aliases", "variants"),
    [
        ("off", ["challenger"], ["champion"]),
        ("split", ["challenger"], ["champion", "challenger"]),
        ("shadow", ["challenger"], ["champion", "shadow"]),
        ("split", [], ["champion"]),
    ],
)
def test_the_challenger_takes_part_where_it_is_asked_to_and_there_is_one(
    registry, make_scorer, role, aliases, variants
):
    name = f"lined_up_{role}_{len(aliases)}"
    registry.add(name, make_scorer(), "champion")
    registry.add(name, make_scorer(seed=2), *aliases)
    turns = take_turns(Contestants(registry.client, name, ScoringSettings(challenger=role)).current())
    assert [turn.model.variant for turn in turns] == variants
    assert [turn.model.version for turn in turns] == [1, 2][: len(variants)]


def test_without_a_champion_the_model_is_named(registry, make_scorer):
    with pytest.raises(ModelError, match="model nobody has no champion; expected"):
        Contestants(registry.client, "nobody", ScoringSettings()).current()
    registry.add("headless", make_scorer(), "challenger")
    with pytest.raises(ModelError, match="model headless has no champion"):
        Contestants(registry.client, "headless", SPLIT).current()


def test_another_version_is_loaded_once_an_alias_points_to_it_and_not_before(registry, make_scorer):
    loaded = []

    def load(name, version):
        loaded.append(version)
        return load_version(name, version)

    registry.add("moving", make_scorer(0.5), "champion")
    contestants = Contestants(registry.client, "moving", SPLIT, load)
    assert contestants.current() == contestants.current() == LineUp(Model("moving", 1, ANY))
    registry.add("moving", make_scorer(0.7), "challenger")
    contestants.current()
    both = contestants.current()
    assert (both.champion.version, both.challenger.version, both.challenger.variant) == (1, 2, "challenger")
    registry.client.set_registered_model_alias("moving", "champion", "2")
    promoted = contestants.current()
    assert (promoted.champion.version, promoted.champion.variant, promoted.challenger) == (2, "champion", None)
    assert promoted.champion.scorer.threshold == 0.7
    assert loaded == [1, 2]


@pytest.mark.parametrize("role", ["split", "shadow"])
def test_a_challenger_that_cannot_score_is_left_out_and_the_log_says_so(registry, make_scorer, caplog, role):
    name, settings = f"broken_{role}", ScoringSettings(challenger=role)
    registry.add(name, make_scorer(), "champion")
    broken = registry.client.create_model_version(name, (registry.folder / "nothing").as_uri())
    registry.client.set_registered_model_alias(name, "challenger", broken.version)
    contestants = Contestants(registry.client, name, settings)
    assert contestants.current().challenger is None
    assert f"the challenger, version 2 of {name}, is left out" in caplog.text

    registry.add(name, make_scorer(features=("amount", "no_such_feature")), "challenger")
    loaded = contestants.current()
    assert loaded.challenger.version == 3
    assert loaded.able(["amount", "customer_count_1d"]).challenger is None
    assert loaded.able(["amount", "customer_count_1d", "no_such_feature"]) == loaded
    assert "version 3 of" in caplog.text
    with pytest.raises(ModelError, match="reads customer_count_1d"):
        loaded.able(["amount", "no_such_feature"])


def test_a_challenger_that_does_not_load_is_not_asked_for_at_every_batch(registry, make_scorer, monkeypatch):
    asked = []

    def load(name, version):
        asked.append(version)
        if len(asked) == 2:
            raise TypeError("a list where a number belongs")
        return load_version(name, version)

    registry.add("patient", make_scorer(), "champion")
    registry.add("patient", make_scorer(seed=2), "challenger")
    contestants = Contestants(registry.client, "patient", SPLIT, load)
    assert [contestants.current().challenger for _ in range(3)] == [None] * 3
    assert asked == [1, 2]
    monkeypatch.setattr(variants, "monotonic", lambda: time.monotonic() + variants.RETRY_SECONDS)
    assert contestants.current().challenger.version == 2


def test_a_version_that_gives_no_number_is_refused_when_it_is_loaded(registry):
    broken = Scorer(("amount",), linear=(Linear((math.nan,), (0.0,), (1.0,), (0.0,), 0.0),), threshold=0.5)
    registry.add("numberless", broken, "champion")
    with pytest.raises(ModelError, match="version 1 of numberless answers no probabilities"):
        Contestants(registry.client, "numberless", SPLIT).current()


def test_each_row_is_scored_by_who_decides_for_its_customer_and_by_a_shadow_beside():
    rows = pl.DataFrame({"customer_id": CUSTOMERS})
    champion, challenger = Model("m", 1, None), Model("m", 2, None)
    split = line_up(champion, challenger, ScoringSettings(challenger="split", challenger_share=0.3))
    (_, theirs), (second, ours) = part_rows(split, rows)
    assert (second.version, second.variant) == (2, "challenger")
    assert set(ours["customer_id"]) == {one for one in CUSTOMERS if is_dealt(one, "challenger", 0.3)}
    assert sorted([*theirs["customer_id"], *ours["customer_id"]]) == sorted(CUSTOMERS)
    shadowed = line_up(champion, challenger, ScoringSettings(challenger="shadow"))
    assert [(model.variant, part.height) for model, part in part_rows(shadowed, rows)] == [
        ("champion", rows.height),
        ("shadow", rows.height),
    ]
    assert not any(shadowed.find_challenger(one) for one in CUSTOMERS)
    one = rows.filter(pl.col("customer_id") == ours["customer_id"][0])
    assert [model.variant for model, _ in part_rows(split, one)] == ["challenger"], "nobody scores no rows"
