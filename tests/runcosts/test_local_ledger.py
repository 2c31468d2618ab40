"""The ledger in a folder, on real Delta."""

import pickle
import subprocess
import sys
from decimal import Decimal

import pyarrow as pa
import pytest
from deltalake import DeltaTable, write_deltalake
from deltalake.exceptions import CommitFailedError

from runcosts.errors import LedgerError
from runcosts.ledger import columns
from runcosts.local_ledger import MOST_FILES, LocalLedger


def test_a_row_comes_back_as_it_was_written(tmp_path, make_row):
    ledger, row = LocalLedger(tmp_path / "a" / "run_costs"), make_row()

    ledger.write([row])

    assert ledger.rows(last=10) == [{name: getattr(row, name) for name in columns()}]


def test_an_attempt_written_twice_counts_once_and_the_last_state_stays(tmp_path, make_row):
    ledger = LocalLedger(tmp_path)

    ledger.write([make_row(result_state="RUNNING")])
    ledger.write([make_row(result_state="SUCCESS"), make_row(result_state="FAILED")])

    assert [row["result_state"] for row in ledger.rows(last=10)] == ["FAILED"]


def test_a_key_with_a_quote_is_a_key_like_any_other(tmp_path, make_row):
    ledger = LocalLedger(tmp_path)

    ledger.write([make_row(workspace="it's"), make_row(workspace="it")])
    ledger.write([make_row(workspace="it's", result_state="FAILED")])

    assert sorted((row["workspace"], row["result_state"]) for row in ledger.rows()) == [
        ("it", "SUCCESS"),
        ("it's", "FAILED"),
    ]


def test_attempts_of_one_task_run_are_rows_of_their_own(tmp_path, make_row):
    ledger = LocalLedger(tmp_path)

    ledger.write([make_row(attempt=0), make_row(attempt=1), make_row(workspace="other")])

    assert len(ledger.rows(last=10)) == 3
    assert len(ledger.rows(last=2)) == 2


def test_another_process_sees_the_table_that_is_there(tmp_path, make_row):
    LocalLedger(tmp_path).write([make_row()])
    LocalLedger(tmp_path).write([make_row(), make_row(attempt=1)])

    assert len(LocalLedger(tmp_path).rows(last=10)) == 2


def test_a_ledger_that_was_never_written_has_no_rows_and_makes_no_folder(tmp_path):
    ledger = LocalLedger(tmp_path / "run_costs")
    ledger.close()

    assert ledger.rows(last=10) == []
    assert not (tmp_path / "run_costs").exists()


def test_a_ledger_of_an_older_version_gains_the_new_columns(tmp_path, make_row):
    old = {"workspace": "local", "task_run_id": "1", "attempt": 0, "estimated_usd": Decimal(1)}
    types = {"workspace": pa.string(), "task_run_id": pa.string(), "attempt": pa.int32()}
    schema = pa.schema([*types.items(), ("estimated_usd", pa.decimal128(18, 6))])
    write_deltalake(tmp_path, pa.Table.from_pylist([old], schema=schema))

    LocalLedger(tmp_path).write([make_row()])

    assert {(row["task_run_id"], row["label"]) for row in LocalLedger(tmp_path).rows(last=10)} == {
        ("1", None),
        ("33", "estimated"),
    }


def test_many_small_files_are_joined_at_the_end_and_no_row_is_lost(tmp_path, make_row):
    ledger = LocalLedger(tmp_path)
    for attempt in range(MOST_FILES + 1):
        ledger.write([make_row(attempt=attempt)])

    ledger.close()

    assert len(DeltaTable(tmp_path).file_uris()) == 1
    assert len(ledger.rows(last=100)) == MOST_FILES + 1


WRITER = """
import pickle, sys
from pathlib import Path
from runcosts.local_ledger import LocalLedger
ledger = LocalLedger(Path(sys.argv[1]))
for row in pickle.loads(Path(sys.argv[2]).read_bytes()):
    ledger.write([row])
"""


def test_writers_at_the_same_time_lose_nothing_and_count_nothing_twice(tmp_path, make_row):
    shared = [make_row(task_run_id="shared", attempt=attempt) for attempt in range(8)]
    own = [[make_row(task_run_id=f"writer {writer}", attempt=attempt) for attempt in range(8)] for writer in range(3)]
    writers = []
    for writer, rows in enumerate(own):
        work = tmp_path / f"{writer}.pickle"
        work.write_bytes(pickle.dumps([row for pair in zip(shared, rows, strict=True) for row in pair]))
        writers.append(subprocess.Popen([sys.executable, "-c", WRITER, tmp_path / "run_costs", work]))

    assert [writer.wait(120) for writer in writers] == [0, 0, 0]
    keys = [(row["task_run_id"], row["attempt"]) for row in LocalLedger(tmp_path / "run_costs").rows(last=1000)]
    assert sorted(keys) == sorted({(row.task_run_id, row.attempt) for rows in [shared, *own] for row in rows})


def test_a_writer_that_never_wins_gives_up_with_an_error(tmp_path, make_row, monkeypatch):
    ledger, tries = LocalLedger(tmp_path), []

    def lose(source):
        tries.append(source)
        raise CommitFailedError("another writer won")

    monkeypatch.setattr(ledger, "_replace", lose)
    monkeypatch.setattr("runcosts.local_ledger.FIRST_PAUSE_SECONDS", 0.0)

    with pytest.raises(LedgerError, match="won all 40 tries; 1 rows are not written"):
        ledger.write([make_row()])
    assert len(tries) == 40
