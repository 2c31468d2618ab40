import sqlite3

import pytest

from localjobs.errors import RunError
from localjobs.state.folders import database
from localjobs.state.store import SCHEMA_VERSION, Store


def test_a_run_is_read_as_it_was_written(bench, wheel):
    run = bench.run([wheel("a", "set_values"), wheel("b", "fail", after=["a"])])
    assert Store(bench.root).load(run.run_id) == run


def test_runs_are_listed_newest_first(bench, wheel):
    first, second = bench.run([wheel("a")]), bench.run([wheel("a")])
    store = Store(bench.root)
    assert store.run_ids() == [second.run_id, first.run_id]
    assert store.run_ids("other") == []
    assert store.run_ids(limit=1) == [second.run_id]


def test_an_unknown_run_is_an_error(tmp_path):
    with pytest.raises(RunError, match=r"no run 7 in .*state.db; `localjobs runs` lists them"):
        Store(tmp_path).load(7)


def test_a_run_that_has_ended_cannot_be_cancelled(bench, wheel):
    run = bench.run([wheel("a")])
    with pytest.raises(RunError, match="has already ended: SUCCESS"):
        Store(bench.root).request_cancel(run.run_id)


def test_the_database_carries_its_version_and_refuses_another(tmp_path):
    Store(tmp_path).close()
    with sqlite3.connect(database(tmp_path)) as db:
        assert db.execute("pragma user_version").fetchone() == (SCHEMA_VERSION,)
        assert db.execute("pragma journal_mode").fetchone() == ("wal",)
        db.execute("pragma user_version = 99")
    with pytest.raises(RunError, match="has schema 99, this localjobs knows 1"):
        Store(tmp_path)


def test_what_fails_in_a_transaction_leaves_nothing(bench, wheel):
    run = bench.run([wheel("a")])
    store = Store(bench.root)

    def change_and_fail():
        with store.transaction():
            store.save_run(run.model_copy(update={"message": "half done"}))
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        change_and_fail()
    assert store.load(run.run_id).message == ""
