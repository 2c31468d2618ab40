"""Who decides for which customer: the same in Python and on Spark, and the same for ever."""

import pytest
from pyspark.sql import functions as F

from fraud_detection.errors import ConfigurationError
from fraud_detection.scoring.settings import ScoringSettings
from fraud_detection.scoring.variants import is_dealt, is_dealt_column, line_up

CUSTOMERS = [f"C{number:06}" for number in range(4000)] + ["", "ä:ö", "42"]


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
    turns = line_up(registry.client, name, ScoringSettings(challenger=role))
    assert [turn.model.variant for turn in turns] == variants
    assert [turn.model.version for turn in turns] == [1, 2][: len(variants)]
