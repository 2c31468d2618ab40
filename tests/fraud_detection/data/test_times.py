"""Text as time: formats, zones, and the hours that clocks skip or repeat."""

from datetime import UTC, datetime

import pytest

from fraud_detection.config import FileMapping
from fraud_detection.data.times import read_time

NOON = datetime(2018, 7, 1, 12, 0, tzinfo=UTC)
BERLIN = "Europe/Berlin"


@pytest.mark.parametrize(
    ("time_format", "zone", "text", "expected"),
    [
        ("iso", BERLIN, "2018-07-01T14:00:00", NOON),
        ("iso", BERLIN, "2018-07-01T12:00:00Z", NOON),
        ("iso", BERLIN, "2018-07-01T08:00:00-0400", NOON),
        ("iso", BERLIN, "2018-01-01T00:30:00", datetime(2017, 12, 31, 23, 30, tzinfo=UTC)),
        ("iso", BERLIN, "2018-10-28T02:30:00", datetime(2018, 10, 28, 0, 30, tzinfo=UTC)),
        ("iso", BERLIN, "2018-10-28T03:00:00", datetime(2018, 10, 28, 2, 0, tzinfo=UTC)),
        ("iso", BERLIN, "01.07.2018 14:00", None),
        ("dd.MM.yyyy HH:mm", BERLIN, "01.07.2018 14:00", NOON),
        ("dd.MM.yyyy HH:mm", "UTC", "01.07.2018 12:00", NOON),
        ("dd.MM.yyyy HH:mm", BERLIN, "31.02.2018 14:00", None),
        ("yyyyMMddHHmmssXXX", BERLIN, "20180701080000-04:00", NOON),
        ("yyyy-MM-dd'Z'HH:mm", BERLIN, "2018-07-01Z14:00", NOON),
        ("epoch_seconds", BERLIN, "1530446400", NOON),
        ("epoch_seconds", "UTC", "1530446400.25", NOON.replace(microsecond=250_000)),
        ("epoch_millis", BERLIN, "1530446400250", NOON.replace(microsecond=250_000)),
        ("epoch_millis", BERLIN, "soon", None),
    ],
)
def test_a_time_is_a_moment_by_the_format_and_the_zone_of_its_files(spark, time_format, zone, text, expected):
    mapping = FileMapping(time_format=time_format, time_zone=zone)
    row = spark.createDataFrame([(text,)], "at STRING").select(read_time("at", mapping).alias("at")).first()
    assert (row.at.astimezone(UTC) if row.at else None) == expected
