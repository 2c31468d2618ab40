"""Tables at versions that are there, and at versions that are not any more."""

import pytest

from fraud_detection.errors import DataError
from fraud_detection.schemas import LANDING_FILES
from fraud_detection.tasks.pinned import naming_what_is_gone, pin

NAME = LANDING_FILES.name


@pytest.fixture
def written(spark, tables):
    """A table that has one row at its first version with rows, and another later."""
    tables.ensure(spark, LANDING_FILES)
    for number in range(2):
        rows = spark.sql(f"SELECT 'labels', 'f{number}', TIMESTAMP'2018-04-01', {number}, TIMESTAMP'2018-04-01'")
        tables.rewrite(NAME, rows.toDF(*LANDING_FILES.columns))
    return pin(tables, {NAME: tables.version(spark, NAME) - 1})


def test_a_version_is_read_as_it_was(spark, written):
    assert [row.source_file for row in written.read(spark, NAME).collect()] == ["f0"]


@pytest.mark.parametrize("keep_log", [True, False], ids=["files", "files and log"])
def test_a_version_that_is_gone_is_named(spark, written, keep_log):
    written.forget(spark, NAME, keep_log=keep_log)
    with (
        pytest.raises(DataError, match=f"of {NAME} at .*, at least one cannot be read any more"),
        naming_what_is_gone(written),
    ):
        written.read(spark, NAME).collect()


def test_any_other_error_stays_what_it_is(written):
    with pytest.raises(ZeroDivisionError), naming_what_is_gone(written):
        _ = 1 / 0
