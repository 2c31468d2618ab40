"""The page of features is what the registry says, and its guide is true."""

import re
import sys
from datetime import timedelta
from pathlib import Path
from types import ModuleType

import polars as pl
import pytest
from polars.testing import assert_frame_equal
from pyspark import cloudpickle
from pyspark.sql import functions as F
from typer.testing import CliRunner

from fraud_detection.features import single_node
from fraud_detection.features import spark as spark_engine
from fraud_detection.features.contract import KEYS
from fraud_detection.features.documentation import document
from fraud_detection.features.frames import to_polars, to_spark
from fraud_detection.features.registry import FEATURES, GROUPS
from fraud_detection.features.settings import FeatureSettings
from fraud_detection.features.stages import plan_stages, stored_features
from fraud_detection.features.stream import compute_batch
from fraud_detection.tasks.feature_cli import app

PAGE = Path(__file__).parents[3] / "docs" / "features.md"
SETTINGS = FeatureSettings(shards=2)


def test_the_page_is_what_the_registry_says():
    assert PAGE.read_text(encoding="utf-8") == document(), "run `fraud-features docs`"


def test_the_page_states_every_group_and_feature():
    text = document()
    assert [name for name in (f"### {group.name}\n" for group in GROUPS) if name not in text] == []
    assert [feature.name for feature in FEATURES if f"| `{feature.name}` |" not in text] == []


def test_the_command_writes_the_page_and_notices_a_stale_one(tmp_path):
    page = tmp_path / "features.md"
    assert CliRunner().invoke(app, ["docs", "--out", str(page), "--check"]).exit_code == 1
    assert CliRunner().invoke(app, ["docs", "--out", str(page)]).exit_code == 0
    assert CliRunner().invoke(app, ["docs", "--out", str(page), "--check"]).exit_code == 0
    page.write_text(page.read_text() + "more")
    assert CliRunner().invoke(app, ["docs", "--out", str(page), "--check"]).exit_code == 1


@pytest.fixture
def guided_groups(monkeypatch):
    """The registry with the group of the guide, whose module stands where the guide puts it."""
    code = re.findall(r"^```python\n(.*?)^```$", document(), re.MULTILINE | re.DOTALL)[0]
    module = ModuleType("fraud_detection.features.groups.customer_share")
    exec(compile(code, "customer_share.py", "exec"), vars(module))  # noqa: S102  the guide's own text
    monkeypatch.setitem(sys.modules, module.__name__, module)
    cloudpickle.register_pickle_by_value(module)
    last = max(number for number, group in enumerate(GROUPS) if group.entity == "customer_id")
    yield (*GROUPS[: last + 1], module.GROUP, *GROUPS[last + 1 :])
    cloudpickle.unregister_pickle_by_value(module)


def test_a_group_added_by_the_guide_goes_through_all_uses(spark, small_world, guided_groups, compute_online):
    computed = single_node.compute_features(small_world, SETTINGS, guided_groups)
    assert computed["customer_amount_share_14d"].n_unique() > 100
    rows = to_spark(spark, small_world)
    on_spark = to_polars(spark_engine.compute_features(rows, SETTINGS, guided_groups)).sort(
        "event_time", "transaction_id"
    )
    assert_frame_equal(on_spark, computed, check_exact=True)

    stored_names = stored_features(plan_stages(guided_groups))
    new = computed.filter(pl.col("event_time") > computed["event_time"].max() - timedelta(hours=6))
    old = computed.join(new, on="transaction_id", how="anti")
    table = to_spark(spark, old).withColumn("event_date", F.to_date("event_time"))
    labels = rows.select("transaction_id", "is_fraud", "known_at").dropna()
    streamed = compute_batch(new.select(KEYS), table, labels, SETTINGS, guided_groups)
    assert_frame_equal(streamed.sort("event_time", "transaction_id"), new, check_exact=True)

    stored = small_world.join(computed.select("transaction_id", *stored_names), on="transaction_id", how="left")
    histories = dict.fromkeys(("customer_id", "terminal_id"), stored)
    one = compute_online(new.head(1).select(KEYS), histories, SETTINGS, guided_groups)
    assert_frame_equal(one, new.head(1), check_exact=True)
    assert "customer_amount_share_14d" in document(guided_groups)
