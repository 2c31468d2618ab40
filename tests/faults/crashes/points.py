"""Finds the commit points of a task by instrumentation, and kills the process at one of them.

A commit point is a moment before or after something that stays: a statement of Spark that writes, a batch of a stream,
a commit of delta-rs, a transaction of MLflow's database, a file that is opened for writing, renamed or removed. Nothing
is listed by hand: whoever adds a write adds points.
"""

import json
import os
import re
import signal
import sys
from collections import Counter
from collections.abc import Callable
from functools import wraps
from pathlib import Path

import deltalake
from pyspark.sql import DataFrameWriter, SparkSession
from pyspark.sql.streaming import DataStreamWriter
from sqlalchemy.engine.default import DefaultDialect

WRITES = re.compile(
    r"\s*(CREATE (?:OR REPLACE )?TABLE|ALTER|MERGE|INSERT|UPDATE|DELETE|OPTIMIZE|VACUUM|DROP)\b", re.IGNORECASE
)
TABLE = re.compile(r"`\.`(\w+)`")
CHANGING = re.compile(r"[0-9a-f]{32}|[0-9a-f-]{36}|(?<=-)[0-9a-f]{12,}|\d{4,}|tmp\w+|(?<=uploading\.)\w+")


class Points:
    """Counts what a task passes; at the one point that it is told of, it notes that and dies by SIGKILL."""

    def __init__(self, folder: Path, notes: Path, deadly: str | None) -> None:
        """Watch a folder; write what is passed to `notes`, line by line."""
        self.folder, self.deadly = str(folder), deadly
        self._notes = os.open(notes, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        self._passed: Counter[str] = Counter()

    def install(self) -> None:
        """Watch this process from now on; there is no way back."""
        self._watch(SparkSession, "sql", lambda _self, statement, *_a, **_k: _describe(statement))
        for name in ("save", "saveAsTable", "insertInto", "parquet", "json"):
            self._watch(DataFrameWriter, name, lambda _self, target=None, *_a, **_k: f"write {_last(target)}")
        self._watch(DataStreamWriter, "start", lambda *_a, **_k: "stream")
        self._watch_batches()
        self._watch_delta()
        self._watch_database()
        sys.addaudithook(self._hear)

    def reach(self, what: str, last_act: Callable[[], object] | None = None) -> None:
        """Pass a point, or end there, after a last act."""
        place = f"{what} in {_find_caller()}"
        self._passed[place] += 1
        name = f"{place} #{self._passed[place]}"
        os.write(self._notes, f"{json.dumps(name)}\n".encode())
        if name == self.deadly:
            if last_act:
                last_act()
            os.kill(os.getpid(), signal.SIGKILL)

    def _watch(self, owner, name, describe) -> None:
        setattr(owner, name, self._watched(getattr(owner, name), describe))

    def _watched(self, original, describe):
        """The function with a point before and after it, where what it is called with is to be told."""

        @wraps(original)
        def watched(*args, **kwargs):
            what = describe(*args, **kwargs)
            if what is None:
                return original(*args, **kwargs)
            self.reach(f"before {what}")
            done = original(*args, **kwargs)
            self.reach(f"after {what}")
            return done

        return watched

    def _watch_batches(self) -> None:
        original = DataStreamWriter.foreachBatch
        DataStreamWriter.foreachBatch = lambda writer, function: original(
            writer, self._watched(function, lambda _frame, _number: "a batch")
        )

    def _watch_delta(self) -> None:
        """Modules hold the function by name: each is given the watched one."""
        original = deltalake.write_deltalake
        self._watch(deltalake, "write_deltalake", lambda target, *_a, **_k: f"delta-rs {_last(target)}")
        for module in list(sys.modules.values()):
            if getattr(module, "write_deltalake", None) is original:
                module.write_deltalake = deltalake.write_deltalake

    def _watch_database(self) -> None:
        """A commit that changed no row is none; a connection keeps what it had changed before."""

        def describe(_dialect, connection):
            now = getattr(connection, "total_changes", None)
            before, connection.info["changes"] = connection.info.get("changes", 0), now
            return "a commit of MLflow's database" if now is None or now != before else None

        self._watch(DefaultDialect, "do_commit", describe)

    def _hear(self, event: str, args: tuple) -> None:
        """Python says what it is about to do to files; those of databases are their own business."""
        if event == "open":
            path, mode, flags = args
            writes = any(letter in (mode or "") for letter in "wax+") or (flags or 0) & (os.O_WRONLY | os.O_RDWR)
            if writes and self._is_ours(path):
                self.reach(f"before opening {self._short(path)}")
                if "w" in (mode or ""):  # as if the kill had come when the file was open and empty
                    self.reach(f"cut {self._short(path)}", lambda: Path(path).write_bytes(b""))
        elif event in {"os.rename", "os.remove", "os.rmdir", "shutil.rmtree"} and self._is_ours(args[0]):
            self.reach(f"before {event} {self._short(args[0])}")

    def _is_ours(self, path) -> bool:
        text = os.fspath(path) if isinstance(path, str | os.PathLike) else ""
        return text.startswith(self.folder) and ".db" not in text

    def _short(self, path) -> str:
        return CHANGING.sub("*", os.path.relpath(os.fspath(path), self.folder))


def _find_caller() -> str:
    """The function of the project that wants the write, as far as this thread knows."""
    frame = sys._getframe()
    while frame and not frame.f_globals.get("__name__", "").startswith("fraud_detection."):
        frame = frame.f_back
    return f"{frame.f_globals['__name__'].removeprefix('fraud_detection.')}.{frame.f_code.co_name}" if frame else "?"


def _describe(statement: object) -> str | None:
    """The verb and the table of a statement that writes; None of any other."""
    found = WRITES.match(str(statement))
    if not found:
        return None
    table = TABLE.search(str(statement))
    return f"{found[1].upper()} {table[1] if table else ''}".strip()


def _last(target: object) -> str:
    return CHANGING.sub("*", str(target).rsplit("/", 1)[-1].rsplit(".", 1)[-1].strip("`")) if target else ""
