"""What makes a line bad: named conditions over its typed columns, null where the text cannot be read."""

from collections.abc import Sequence
from dataclasses import dataclass

from pyspark.sql import Column
from pyspark.sql import functions as F

from fraud_detection.config import DataSettings
from fraud_detection.schemas import AMOUNT_TYPE

ISO_TIME = r"^\d{4}-\d{2}-\d{2}[T ]\d{2}:\d{2}(:\d{2}([.]\d{1,9})?)?\s*(Z|[+-]\d{2}:?\d{2})?$"
LARGEST_AMOUNT = 9_999_999_999
EXACT = "DECIMAL(38,18)"


@dataclass(frozen=True)
class Rule:
    """A named condition that is true for a bad line."""

    name: str
    broken: Column


def reasons(rules: Sequence[Rule]) -> Column:
    """The names of all broken rules; an unreadable line breaks only that one."""
    named = [F.when(rule.broken, F.lit(rule.name)) for rule in rules]
    readable = F.array_compact(F.array(*named))
    return F.when(F.col("readable"), readable).otherwise(F.array(F.lit("unreadable")))


def transaction_columns() -> dict[str, Column]:
    """The typed columns of a transaction, null where a text cannot be read; the texts stay beside them."""
    return {
        "event_time": time("event_time"),
        "event_time_text": F.col("event_time"),
        "event_date": time("event_time").cast("date"),
        "amount": F.expr(f"try_cast(amount AS {AMOUNT_TYPE})"),
        "amount_text": F.col("amount"),
        "amount_number": F.expr("try_cast(amount AS DOUBLE)"),
        "amount_exact": F.expr(f"try_cast(amount AS {EXACT})"),
        **{name: F.trim(name) for name in ("transaction_id", "customer_id", "terminal_id")},
    }


def transaction_rules(settings: DataSettings) -> list[Rule]:
    """What a transaction must be, over its typed columns."""
    number, amount = F.col("amount_number"), F.col("amount")
    is_number = number.isNotNull() & ~F.isnan("amount_number")
    is_no_decimal = amount.isNull() & (F.abs(number) <= LARGEST_AMOUNT)  # "12.5d" and "0x1p3" are doubles to Spark
    is_rounded = (F.col("amount_exact") != amount) | (amount.cast("double") != number)  # the latter for 1e-30
    return [
        *missing("transaction_id", "event_time_text", "customer_id", "terminal_id", "amount_text"),
        *bad_time("event_time", settings),
        Rule("amount_not_a_number", F.col("amount_text").isNotNull() & (~is_number | is_no_decimal)),
        Rule("amount_negative", is_number & (number < 0)),
        Rule("amount_too_large", is_number & (number > LARGEST_AMOUNT)),
        Rule("amount_too_precise", is_number & is_rounded),
    ]


def label_columns() -> dict[str, Column]:
    """The typed columns of a label, null where a text cannot be read; the texts stay beside them."""
    return {
        "transaction_id": F.trim("transaction_id"),
        "is_fraud": boolean("is_fraud"),
        "is_fraud_text": F.col("is_fraud"),
        "known_at": time("known_at"),
        "known_at_text": F.col("known_at"),
    }


def label_rules(settings: DataSettings) -> list[Rule]:
    """What a label must be, over its typed columns."""
    return [
        *missing("transaction_id", "is_fraud_text", "known_at_text"),
        Rule("is_fraud_not_a_boolean", F.col("is_fraud_text").isNotNull() & F.col("is_fraud").isNull()),
        *bad_time("known_at", settings),
    ]


def missing(*names: str) -> list[Rule]:
    """One rule a field that must be there and not blank."""
    return [
        Rule(f"{name.removesuffix('_text')}_missing", F.col(name).isNull() | (F.trim(name) == "")) for name in names
    ]


def bad_time(name: str, settings: DataSettings) -> list[Rule]:
    """Not an ISO 8601 date and time, or later than its file; clocks may differ by the tolerance."""
    latest = F.col("file_modified_at") + F.expr(f"INTERVAL {int(settings.future_tolerance_hours)} HOURS")
    return [
        Rule(f"{name}_not_a_time", F.col(f"{name}_text").isNotNull() & F.col(name).isNull()),
        Rule(f"{name}_in_the_future", F.col(name) > latest),
    ]


def time(name: str) -> Column:
    """Text as a timestamp, null where it is none; without a zone it is UTC."""
    return F.when(F.col(name).rlike(ISO_TIME), F.expr(f"try_cast({name} AS TIMESTAMP)"))


def boolean(name: str) -> Column:
    """Text as a boolean: true, false, 1 or 0 in any case; null for anything else."""
    text = F.lower(F.trim(name))
    return F.when(text.isin("true", "1"), F.lit(True)).when(text.isin("false", "0"), F.lit(False))
