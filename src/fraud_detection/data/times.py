"""Text as time, in the format and the zone that the files use."""

from pyspark.sql import Column
from pyspark.sql import functions as F

from fraud_detection.config import EPOCH_MILLIS, EPOCH_SECONDS, ISO, FileMapping

ISO_TIME = r"^\d{4}-\d{2}-\d{2}[T ]\d{2}:\d{2}(:\d{2}([.]\d{1,9})?)?\s*(Z|[+-]\d{2}:?\d{2})?$"
ISO_ZONE = r"(Z|[+-]\d{2}:?\d{2})$"
ZONE_LETTERS = frozenset("XxZzVO")
PER_SECOND = {EPOCH_SECONDS: 1, EPOCH_MILLIS: 1000}


def read_time(name: str, mapping: FileMapping) -> Column:
    """A field as a moment, null where its text is none; without a zone it is a time of the mapping's zone."""
    plain, zone = _plain(name, mapping), mapping.time_zone
    if zone == "UTC" or not _may_lack_zone(mapping.time_format):
        return plain
    return F.when(_names_zone(name, mapping), plain).otherwise(F.to_utc_timestamp(plain, zone))


def time_columns(name: str, mapping: FileMapping) -> dict[str, Column]:
    """The moment; its text; and what the clock of the mapping's zone showed, null where the text names a zone."""
    columns = {name: read_time(name, mapping), f"{name}_text": F.col(name)}
    if mapping.time_zone == "UTC":
        return columns
    lacks_zone = ~_names_zone(name, mapping) if _may_lack_zone(mapping.time_format) else F.lit(False)
    return columns | {f"{name}_local": F.when(lacks_zone, _plain(name, mapping))}


def _plain(name: str, mapping: FileMapping) -> Column:
    """A text that names no zone is read as if it were UTC."""
    kind = mapping.time_format
    if kind == ISO:
        return F.when(F.col(name).rlike(ISO_TIME), F.expr(f"try_cast({name} AS TIMESTAMP)"))
    if kind in PER_SECOND:
        return F.timestamp_micros(
            F.expr(f"CAST(try_cast({name} AS DECIMAL(20,6)) * {1_000_000 // PER_SECOND[kind]} AS BIGINT)")
        )
    return F.try_to_timestamp(F.col(name), F.lit(kind))


def _names_zone(name: str, mapping: FileMapping) -> Column:
    return F.col(name).rlike(ISO_ZONE) if mapping.time_format == ISO else F.lit(False)


def _may_lack_zone(time_format: str) -> bool:
    """Text in quotes is no letter of a pattern."""
    letters = "".join(time_format.split("'")[::2])
    return time_format == ISO or not (time_format in PER_SECOND or ZONE_LETTERS & set(letters))
