"""What makes a line bad: named conditions over its typed columns, null where the text cannot be read."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from pyspark.sql import Column
from pyspark.sql import functions as F
from pyspark.sql.types import DecimalType, StructField, StructType

from fraud_detection.config import DataSettings, FileMapping
from fraud_detection.data import files
from fraud_detection.data.times import read_time, time_columns
from fraud_detection.schemas import AMOUNT_TYPE

EVENT = "transaction_event_time"
"""Beside a label without a time of its own: when its transaction happened."""
LARGEST_AMOUNT = 9_999_999_999
EXACT = "DECIMAL(38,26)"
CONTROL = r"[\x00-\x1f\x7f]"
LONG_NUMBER = r'^\s*:\s*"?[-+0-9.eE]{16}'
"""Digits that a double would not hold: Spark reads numbers in JSON as doubles where text is wanted."""


class Severity(StrEnum):
    """An error sends a line to quarantine; a warning is only counted."""

    ERROR = "error"
    WARNING = "warning"


@dataclass(frozen=True)
class Rule:
    """A named condition that is true for a bad line."""

    name: str
    broken: Column
    severity: Severity = Severity.ERROR


UNREADABLE = "unreadable"
NO_UTF8 = "not_utf8"
UNKNOWN_COLUMN = "unknown_column"
"""Warning: the first line of a file has a column that nobody asked for."""


def reasons(rules: Sequence[Rule]) -> Column:
    """The names of all errors; an unreadable line breaks that rule and, at most, that of its encoding."""
    encoding = Rule(NO_UTF8, F.contains("raw", F.lit(files.NOT_UTF8)))
    readable = _names([encoding, *(rule for rule in rules if rule.severity == Severity.ERROR)])
    unreadable = _names([Rule(UNREADABLE, F.lit(True)), encoding])
    return F.when(F.col("readable"), readable).otherwise(unreadable)


def warnings(rules: Sequence[Rule]) -> Column:
    """The names of all warnings."""
    unknown = Rule(UNKNOWN_COLUMN, F.col("has_unknown"), Severity.WARNING)
    return _names([unknown, *(rule for rule in rules if rule.severity == Severity.WARNING)])


def severities(rules: Sequence[Rule]) -> dict[str, Severity]:
    """The severity of every rule by name, those of every line included."""
    of_all = {UNREADABLE: Severity.ERROR, NO_UTF8: Severity.ERROR, UNKNOWN_COLUMN: Severity.WARNING}
    return of_all | {rule.name: rule.severity for rule in rules}


def _names(rules: Sequence[Rule]) -> Column:
    """By array_except, which drops nulls as array_compact does, below which Spark would interpret all, row by row."""
    return F.array_except(F.array(*(F.when(rule.broken, F.lit(rule.name)) for rule in rules)), F.array(F.lit(None)))


def transaction_columns(mapping: FileMapping) -> dict[str, Column]:
    """The typed columns of a transaction, null where a text cannot be read; the texts stay beside them."""
    event_time = read_time("event_time", mapping)
    return {
        **time_columns("event_time", mapping),
        "event_date": event_time.cast("date"),
        "amount": F.expr(f"try_cast(amount AS {AMOUNT_TYPE})"),
        "amount_text": F.col("amount"),
        "amount_number": F.expr("try_cast(amount AS DOUBLE)"),
        "amount_exact": exact_amount(mapping.source("amount") or ""),
        **{name: F.trim(name) for name in ("transaction_id", "customer_id", "terminal_id")},
    }


def exact_amount(source: str) -> Column:
    """The amount with all digits that were written; what Spark makes of a JSON number has 17 at most."""
    schema = StructType([StructField(source, DecimalType(38, 26))])
    is_long = F.col("header").isNull() & F.substring_index("raw", f'"{source}"', -1).rlike(LONG_NUMBER)
    written = F.when(is_long, F.from_json("raw", schema).getField(source))
    return F.coalesce(written, F.expr(f"try_cast(amount AS {EXACT})"))


def transaction_rules(settings: DataSettings) -> list[Rule]:
    """What a transaction must be, over its typed columns."""
    number, amount = F.col("amount_number"), F.col("amount")
    is_number = number.isNotNull() & ~F.isnan("amount_number")
    is_no_decimal = amount.isNull() & (F.abs(number) <= LARGEST_AMOUNT)  # "12.5d" and "0x1p3" are doubles to Spark
    is_rounded = (F.col("amount_exact") != amount) | (amount.cast("double") != number)  # the latter for 1e-30
    return [
        *missing("transaction_id", "event_time_text", "customer_id", "terminal_id", "amount_text"),
        not_printable("transaction_id", "customer_id", "terminal_id"),
        *bad_time("event_time", settings, settings.mapping.transactions),
        Rule("amount_not_a_number", F.col("amount_text").isNotNull() & (~is_number | is_no_decimal)),
        Rule("amount_negative", is_number & (number < 0)),
        Rule("amount_too_large", is_number & (number > LARGEST_AMOUNT)),
        Rule("amount_too_precise", is_number & is_rounded),
        Rule("amount_zero", amount == 0, Severity.WARNING),
    ]


def label_columns(settings: DataSettings) -> dict[str, Column]:
    """The typed columns of a label; without a time of its own it was known a delay after the transaction."""
    mapping = settings.mapping.labels
    delay = F.expr(f"INTERVAL {int(settings.label_delay_days)} DAYS")
    known = time_columns("known_at", mapping) if mapping.source("known_at") else {"known_at": F.col(EVENT) + delay}
    return {
        "transaction_id": F.trim("transaction_id"),
        "is_fraud": boolean("is_fraud"),
        "is_fraud_text": F.col("is_fraud"),
        **known,
    }


def label_rules(settings: DataSettings) -> list[Rule]:
    """What a label must be, over its typed columns."""
    mapping = settings.mapping.labels
    is_unknown = F.col("known_at").isNull() & F.col("transaction_id").isNotNull()
    times = (
        [*missing("known_at_text"), *bad_time("known_at", settings, mapping)]
        if mapping.source("known_at")
        else [Rule("transaction_unknown", is_unknown)]
    )
    return [
        *missing("transaction_id", "is_fraud_text"),
        not_printable("transaction_id"),
        Rule("is_fraud_not_a_boolean", F.col("is_fraud_text").isNotNull() & F.col("is_fraud").isNull()),
        *times,
    ]


def missing(*names: str) -> list[Rule]:
    """One rule a field that must be there and not blank."""
    return [
        Rule(f"{name.removesuffix('_text')}_missing", F.col(name).isNull() | (F.trim(name) == "")) for name in names
    ]


def not_printable(*names: str) -> Rule:
    """One rule for all ids: what cannot be seen makes two of one, and no database of texts keeps a NUL."""
    return Rule("id_not_printable", F.concat_ws("", *names).rlike(CONTROL))


def bad_time(name: str, settings: DataSettings, mapping: FileMapping) -> list[Rule]:
    """Not a time in the expected form, or later than its file (clocks may differ by the tolerance).

    In a zone that changes its clocks: a time that they skip is an error, one that they repeat a warning, for it is
    taken for the first of the two.
    """
    latest = F.col("file_modified_at") + F.expr(f"INTERVAL {int(settings.future_tolerance_hours)} HOURS")
    rules = [
        Rule(f"{name}_not_a_time", F.col(f"{name}_text").isNotNull() & F.col(name).isNull()),
        Rule(f"{name}_in_the_future", F.col(name) > latest),
    ]
    if mapping.time_zone == "UTC":
        return rules
    local = F.col(f"{name}_local")
    an_hour_later = F.col(name) + F.expr("INTERVAL 1 HOUR")
    return [
        *rules,
        Rule(f"{name}_skipped_by_the_clock", F.from_utc_timestamp(F.col(name), mapping.time_zone) != local),
        Rule(
            f"{name}_repeated_by_the_clock",
            F.from_utc_timestamp(an_hour_later, mapping.time_zone) == local,
            Severity.WARNING,
        ),
    ]


def boolean(name: str) -> Column:
    """Text as a boolean: true, false, 1 or 0 in any case; null for anything else."""
    text = F.lower(F.trim(name))
    return F.when(text.isin("true", "1"), F.lit(True)).when(text.isin("false", "0"), F.lit(False))
