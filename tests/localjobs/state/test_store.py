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
    with pytest.raises(RunError, match="has schema 99, this localjobs knows 2"):
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


FIRST_SCHEMA = """
create table run (
  run_id integer primary key, job_id integer not null, job_key text not null, created_at text not null,
  ended integer not null, cancel_requested integer not null default 0, alive_at text not null, body text not null
) strict;
create index run_by_job on run (job_id, ended);
create table task (
  run_id integer not null references run, position integer not null, task_key text not null, body text not null,
  primary key (run_id, task_key)
) strict;
pragma user_version = 1;
"""


def test_a_database_of_an_earlier_version_is_brought_up_to_date_with_its_runs(bench, wheel, tmp_path):
    run = bench.run([wheel("a")])
    old = tmp_path / "old"
    database(old).parent.mkdir(parents=True)
    with sqlite3.connect(database(old)) as db:
        db.executescript(FIRST_SCHEMA)
        db.execute("attach ? as new", (str(database(bench.root)),))
        db.execute(
            "insert into run select run_id, job_id, job_key, created_at, ended, cancel_requested, alive_at, body"
            " from new.run"
        )
        db.execute("insert into task select * from new.task")
    for _ in range(2):  # once it is brought up to date, once it is
        store = Store(old)
        assert store.load(run.run_id) == run
        store.close()
    with sqlite3.connect(database(old)) as db:
        assert db.execute("pragma user_version").fetchone() == (SCHEMA_VERSION,)
    again = run.model_copy(update={"run_id": 1})
    assert Store(old).begin_once(again, "monday") == 1


def test_a_token_belongs_to_the_first_run_of_its_job(bench, wheel):
    run = bench.run([wheel("a")])
    store = Store(bench.root)
    first, second = (run.model_copy(update={"run_id": number}) for number in (1, 2))
    other = run.model_copy(update={"run_id": 3, "job_id": run.job_id + 1})
    assert [store.begin_once(one, "monday") for one in (first, second, other)] == [1, 1, 3]
    assert store.begin_once(second, "tuesday") == 2
    store.save_run(first.model_copy(update={"message": "later"}))
    assert Store(bench.root).begin_once(second, "monday") == 1
    assert sorted(store.run_ids()) == [1, 2, 3, run.run_id]
