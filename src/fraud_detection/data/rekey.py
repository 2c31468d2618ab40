"""A new key of card numbers: every token in the tables goes through it, each table in one commit."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import reduce
from operator import or_

import polars as pl
import pyarrow as pa
from pyspark.sql import SparkSession
from pyspark.sql import functions as F
from pyspark.sql.types import StringType

from fraud_detection.card_numbers import KEYS, TOKEN, CardKeys, read_keys
from fraud_detection.data.ingest import CARD_MARKS, set_card_marks
from fraud_detection.data.published import FEEDS, refuse_unpublished
from fraud_detection.errors import ConfigurationError
from fraud_detection.tables import Tables


def rekey(spark: SparkSession, tables: Tables, names: Sequence[str]) -> Iterator[tuple[str, bool]]:
    """Bring the tokens of all tables to the newest key; what is there already stays, so a call that is cut goes on.

    Bronze comes last: until its mark says so, nothing is taken in by the new key.

    Args:
        names: of the tables that are there.

    Yields:
        Each table, and whether it had older tokens.

    Raises:
        ConfigurationError: the tables' tokens were made by other keys than the first ones of now.
        DataError: lines of bronze are not published yet, and would bring older tokens after this.
    """
    keys = read_keys()
    bronze = [feed.bronze.name for feed, _ in FEEDS if feed.bronze.name in names]
    for name in bronze:
        _refuse_strangers(name, tables.properties(spark, name).get(CARD_MARKS, ""), keys)
    refuse_unpublished(spark, tables, names, "run data_prep, or the stream, by the keys of before, stop it")
    for name in (*(name for name in names if name not in bronze), *bronze):
        had_older = renew_table(spark, tables, name, keys)
        if name in bronze:
            set_card_marks(spark, tables, name, keys)
        yield name, had_older


def renew_table(spark: SparkSession, tables: Tables, name: str, keys: CardKeys) -> bool:
    """Bring the tokens in all texts of a table to the newest key; whether there were older ones."""
    rows = tables.read(spark, name)
    texts = [column.name for column in rows.schema if isinstance(column.dataType, StringType)]
    older = "|".join(str(generation) for generation in range(1, len(keys.keys)))
    if not texts or not older:
        return False
    is_older = reduce(or_, (F.coalesce(F.col(text).rlike(f"card-({older})-"), F.lit(False)) for text in texts))
    if rows.where(is_older).isEmpty():
        return False
    tables.rewrite(name, rows.mapInArrow(_renew(texts, keys), rows.schema))
    return True


def _renew(texts: Sequence[str], keys: CardKeys) -> Callable[[Iterable[pa.RecordBatch]], Iterator[pa.RecordBatch]]:
    def renew(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for batch in batches:
            columns = [
                _renew_column(column, keys) if name in texts else column
                for name, column in zip(batch.schema.names, batch.columns, strict=True)
            ]
            yield pa.RecordBatch.from_arrays(columns, names=batch.schema.names)

    return renew


def _renew_column(column: pa.Array, keys: CardKeys) -> pa.Array:
    texts = column.to_pylist()
    for place in pl.Series(values=texts, dtype=pl.String).str.contains(TOKEN.pattern).arg_true().to_list():
        texts[place] = keys.renew(texts[place])
    return pa.array(texts, pa.string())


def _refuse_strangers(bronze: str, kept: str, keys: CardKeys) -> None:
    if not kept or f"{keys.marks},".startswith(f"{kept},"):
        return
    found = f"keys marked {keys.marks}" if keys.marks else "no key"
    raise ConfigurationError(
        f"{bronze} has tokens made by keys marked {kept}; found {found} in {KEYS}; expected those keys "
        "first, in their order, and the new one behind them"
    )
