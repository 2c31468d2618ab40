"""Rows on their way between Spark and this process."""

from datetime import UTC, datetime

import polars as pl
import pyarrow as pa
from polars.testing import assert_frame_equal

from fraud_detection.arrow import table_to_spark
from fraud_detection.features.frames import to_polars, to_spark

ROWS = pl.DataFrame(
    {"name": ["a", None], "at": [datetime(2018, 4, 1, tzinfo=UTC), None], "cents": [5, 7], "known": [True, None]},
    schema_overrides={"at": pl.Datetime("us", "UTC")},
)


def test_rows_come_back_as_they_went(spark):
    assert_frame_equal(to_polars(to_spark(spark, ROWS)), ROWS)


def test_no_rows_keep_their_columns_and_types_on_any_session(spark):
    assert_frame_equal(to_polars(to_spark(spark, ROWS.clear())), ROWS.clear())


def test_an_empty_batch_hides_nothing_of_what_comes_after_it(spark):
    rows = pa.table({"x": [1, 2]})
    table = pa.concat_tables([rows.slice(0, 1), rows.slice(0, 0), rows.slice(1)])
    assert [batch.num_rows for batch in table.to_batches()] == [1, 0, 1]
    assert sorted(to_polars(table_to_spark(spark, table))["x"]) == [1, 2]
