"""The ledger as a Delta table in a folder, written by delta-rs: no JVM, milliseconds a row."""

import random
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pyarrow as pa
from deltalake import DeltaTable, write_deltalake
from deltalake.exceptions import CommitFailedError

from runcosts.errors import LedgerError
from runcosts.ledger import KEY, RunCost, columns, one_row_each

ARROW_TYPES = {
    "STRING": pa.string(),
    "INT": pa.int32(),
    "BOOLEAN": pa.bool_(),
    "DECIMAL(18,6)": pa.decimal128(18, 6),
    "TIMESTAMP": pa.timestamp("us", tz="UTC"),
    "DATE": pa.date32(),
}
SCHEMA = pa.schema([(name, ARROW_TYPES[sql_type]) for name, sql_type in columns().items()])
MOST_TRIES = 40
FIRST_PAUSE_SECONDS = 0.01
LONGEST_PAUSE_SECONDS = 1.0
MOST_FILES = 16


class LocalLedger:
    """A run_costs table in a folder; it keeps the table open between rows."""

    def __init__(self, folder: Path) -> None:
        """Open the ledger in that folder; it is made with the first row."""
        self.folder = folder
        self._table: DeltaTable | None = None

    def write(self, rows: Sequence[RunCost]) -> None:
        """Write rows by key: writing an attempt again replaces its row.

        Raises:
            LedgerError: other writers won every try.
        """
        if not rows:
            return
        source = pa.Table.from_pylist([asdict(row) for row in one_row_each(rows)], schema=SCHEMA)
        for tries in range(MOST_TRIES):
            try:
                self._replace(source)
            except CommitFailedError:
                time.sleep(_pause(tries))
            else:
                return
        raise LedgerError(f"{self.folder}: other writers won all {MOST_TRIES} tries; {len(rows)} rows are not written")

    def _replace(self, source: pa.Table) -> None:
        """Put these rows where those of their keys were, in one commit: a third of the time of a MERGE."""
        write_deltalake(self._open(), source, mode="overwrite", predicate=_of_their_keys(source), schema_mode="merge")

    def _open(self) -> DeltaTable:
        if self._table is None:
            self.folder.mkdir(parents=True, exist_ok=True)
            self._table = DeltaTable.create(self.folder, SCHEMA, mode="ignore", name="run_costs")
        self._table.update_incremental()
        return self._table

    def rows(self, last: int | None = None) -> list[dict[str, Any]]:
        """The rows of the attempts that ended last (or all), latest first; none if there is no table yet."""
        if not DeltaTable.is_deltatable(str(self.folder)):
            return []
        latest_first = self._open().to_pyarrow_table().sort_by([("ended_at", "descending")])
        rows: list[dict[str, Any]] = latest_first.slice(0, last).to_pylist()
        return rows

    def close(self) -> None:
        """Join the small files once there are many, so that the next row stays cheap."""
        if self._table is None or len(self._table.file_uris()) <= MOST_FILES:
            return
        with suppress(CommitFailedError):  # another writer is at work: the next one to close will do it
            self._table.optimize.compact()


def _of_their_keys(rows: pa.Table) -> str:
    """The condition, in SQL, that holds for rows of these keys and no others."""
    each = (" AND ".join(f"{name} = {_literal(key[name])}" for name in KEY) for key in rows.select(KEY).to_pylist())
    return " OR ".join(f"({one})" for one in each)


def _literal(value: str | int) -> str:
    return str(value) if isinstance(value, int) else "'" + value.replace("'", "''") + "'"


def _pause(tries: int) -> float:
    """Seconds to wait after a lost try: doubled each time, and spread so that rivals don't meet again."""
    longest: float = min(FIRST_PAUSE_SECONDS * 2**tries, LONGEST_PAUSE_SECONDS)
    return longest * random.uniform(0.5, 1)  # noqa: S311 - spreads rivals, hides nothing
