"""Runs in SQLite. Every change is written when it happens, so that a killed runner leaves the truth behind."""

import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from localjobs.errors import RunError
from localjobs.state.folders import database
from localjobs.state.records import Run, Task, now
from localjobs.states import ENDED

BUSY_SECONDS = 30

_FIRST_SCHEMA = """
create table run (
  run_id integer primary key, job_id integer not null, job_key text not null, created_at text not null,
  ended integer not null, cancel_requested integer not null default 0, alive_at text not null, body text not null
) strict;
create index run_by_job on run (job_id, ended);
create table task (
  run_id integer not null references run, position integer not null, task_key text not null, body text not null,
  primary key (run_id, task_key)
) strict;
"""
_TOKENS = """
alter table run add column token text;
create unique index run_by_token on run (job_id, token);
"""
_STEPS = (_FIRST_SCHEMA, _TOKENS)
"""What leads from each version of the schema to the next; an empty file has version 0."""
SCHEMA_VERSION = len(_STEPS)


class Store:
    """The runs of one bundle; processes may share the file."""

    def __init__(self, bundle_root: Path) -> None:
        """Open the database of the bundle, and make it if there is none."""
        self.bundle_root = bundle_root
        file = database(bundle_root)
        file.parent.mkdir(parents=True, exist_ok=True)
        self._db = sqlite3.connect(file, timeout=BUSY_SECONDS, isolation_level=None)
        self._do("pragma journal_mode = wal")
        self._do("pragma synchronous = normal")
        self._create(file)

    def _create(self, file: Path) -> None:
        with self.transaction():
            (version,) = self._do("pragma user_version").fetchone()
            if version > SCHEMA_VERSION:
                raise RunError(
                    f"{file} has schema {version}, this localjobs knows {SCHEMA_VERSION}: move the file away"
                )
            for number, step in enumerate(_STEPS[version:], version + 1):
                for statement in filter(str.strip, step.split(";")):
                    self._do(statement)
                self._do(f"pragma user_version = {number}")

    def _do(self, statement: str, values: tuple[object, ...] = ()) -> sqlite3.Cursor:
        """Run a statement.

        Raises:
            RunError: the disk is full, the file cannot be written, or somebody holds it for too long.
        """
        try:
            return self._db.execute(statement, values)
        except sqlite3.OperationalError as error:
            raise RunError(
                f"{database(self.bundle_root)}: {error}; expected a disk with room and a file that can be written. "
                "Make room, then `localjobs runs` ends what stood still and `localjobs repair` goes on with it"
            ) from error

    def close(self) -> None:
        """Close the database."""
        self._db.close()

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Do several things at once, with nobody else writing in between."""
        self._do("begin immediate")
        try:
            yield
            self._do("commit")
        finally:
            if self._db.in_transaction:  # SQLite itself rolls back what a full disk cut
                self._db.rollback()

    def save_run(self, run: Run) -> None:
        """Write the run itself; its tasks are written by `save_task`."""
        values = (
            run.job_id,
            run.job_key,
            run.created_at.isoformat(),
            run.ended,
            run.model_dump_json(exclude={"tasks"}),
        )
        self._do(
            "insert into run (run_id, job_id, job_key, created_at, ended, alive_at, body) values (?, ?, ?, ?, ?, ?, ?)"
            " on conflict (run_id) do update set ended = excluded.ended, body = excluded.body",
            (run.run_id, *values[:4], now().isoformat(), values[4]),
        )

    def begin_once(self, run: Run, token: str) -> int:
        """The run of the same job that was begun with this token; else `run`, which is written down with it."""
        with self.transaction():
            row = self._do("select run_id from run where job_id = ? and token = ?", (run.job_id, token)).fetchone()
            if row is None:
                self.save_run(run)
                self._do("update run set token = ? where run_id = ?", (token, run.run_id))
        return run.run_id if row is None else int(row[0])

    def save_task(self, run_id: int, task: Task) -> None:
        """Write one task with its attempts."""
        self._do(
            "insert into task (run_id, position, task_key, body)"
            " values (?, (select count(*) from task where run_id = ?), ?, ?)"
            " on conflict (run_id, task_key) do update set body = excluded.body",
            (run_id, run_id, task.task_key, task.model_dump_json()),
        )

    def reopen(self, run: Run, task_keys: Iterable[str]) -> None:
        """A run that had ended goes on, with these tasks only."""
        keys = sorted(task_keys)
        marks = ", ".join("?" * len(keys))
        self._do(f"delete from task where run_id = ? and task_key not in ({marks})", (run.run_id, *keys))  # noqa: S608 - only question marks are put in
        self._do("update run set cancel_requested = 0, alive_at = ? where run_id = ?", (now().isoformat(), run.run_id))
        self.save_run(run)

    def load(self, run_id: int) -> Run:
        """One run with its tasks."""
        row = self._do("select body from run where run_id = ?", (run_id,)).fetchone()
        if row is None:
            raise RunError(f"no run {run_id} in {database(self.bundle_root)}; `localjobs runs` lists them")
        bodies = self._do("select body from task where run_id = ? order by position", (run_id,))
        tasks = tuple(Task.model_validate_json(body) for (body,) in bodies)
        return Run.model_validate_json(row[0]).model_copy(update={"tasks": tasks})

    def run_ids(self, job_key: str | None = None, *, limit: int = -1) -> list[int]:
        """Runs, the newest first."""
        rows = self._do(
            "select run_id from run where ? is null or job_key = ? order by created_at desc limit ?",
            (job_key, job_key, limit),
        )
        return [run_id for (run_id,) in rows]

    def unfinished(self) -> list[Run]:
        """Runs that have not ended, the oldest first, without their tasks."""
        rows = self._do("select body from run where not ended order by created_at")
        return [Run.model_validate_json(body) for (body,) in rows]

    def request_cancel(self, run_id: int) -> None:
        """Ask the runner of a run to cancel it."""
        run = self.load(run_id)
        if run.state in ENDED:
            raise RunError(f"run {run_id} has already ended: {run.result or run.state}")
        self._do("update run set cancel_requested = 1 where run_id = ?", (run_id,))

    def cancel_requested(self, run_id: int) -> bool:
        """Whether somebody asked for the run to be cancelled."""
        row = self._do("select cancel_requested from run where run_id = ?", (run_id,)).fetchone()
        return bool(row and row[0])

    def beat(self, run_id: int) -> None:
        """Note that the runner is alive."""
        self._do("update run set alive_at = ? where run_id = ?", (now().isoformat(), run_id))

    def alive_at(self, run_id: int) -> str:
        """When the runner last noted that it is alive, in ISO format."""
        (moment,) = self._do("select alive_at from run where run_id = ?", (run_id,)).fetchone()
        return str(moment)
