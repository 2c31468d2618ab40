import pytest

from fraud_detection.errors import ConfigurationError
from fraud_detection.features.engine import SHARD_ROWS, choose_engine, count_shards

GB = 10**9


def test_what_fits_is_computed_on_one_node():
    choice = choose_engine(rows=1_800_000, size_bytes=200_000_000, cores=2, memory_bytes=16 * GB)
    assert choice.name == "single_node"
    assert "1,800,000 rows fit into memory" in choice.reason


def test_what_does_not_fit_goes_to_spark():
    choice = choose_engine(rows=100_000_000, size_bytes=10 * GB, cores=2, memory_bytes=16 * GB)
    assert choice.name == "spark"
    assert "need 65.0 GB" in choice.reason


def test_what_the_driver_of_spark_cannot_take_back_is_computed_there():
    """14 million rows fit into this process, and broke a heap of 4 GB when they were handed over."""
    size = {"rows": 14_000_000, "size_bytes": GB, "cores": 2, "memory_bytes": 40 * GB}
    choice = choose_engine(**size, heap_bytes=4 * GB)
    assert choice.name == "spark"
    assert "would come as 4.2 GB to Spark's driver, whose heap of 4.0 GB has 2.0 GB to give" in choice.reason
    assert choose_engine(**size, heap_bytes=16 * GB).name == "single_node"
    assert choose_engine(**size).name == "single_node"


def test_a_large_cluster_wins_even_where_one_node_would_do():
    assert choose_engine(rows=100_000_000, size_bytes=10 * GB, cores=64, memory_bytes=512 * GB).name == "spark"


@pytest.mark.parametrize("name", ["single_node", "spark"])
def test_the_settings_decide_where_they_name_an_engine(name):
    choice = choose_engine(rows=1, size_bytes=1, cores=1, memory_bytes=1, override=name)
    assert (choice.name, choice.reason) == (name, f"the settings ask for {name}")


def test_an_unknown_engine_is_refused():
    with pytest.raises(ConfigurationError, match="expected auto, single_node or spark"):
        choose_engine(rows=1, size_bytes=1, cores=1, memory_bytes=1, override="dask")


def test_shards_follow_rows_and_cores():
    assert count_shards(rows=10, cores=4) == 8
    assert count_shards(rows=100 * SHARD_ROWS, cores=4) == 100
