"""The tasks of the acceptance cases: each function is the entry point of a python_wheel_task."""

import json
import sys
import time
from pathlib import Path


def values():
    from dbruntime import UserNamespaceInitializer  # noqa: PLC0415 - exists in a task only

    return UserNamespaceInitializer.getOrCreate().get_namespace_globals()["dbutils"].jobs.taskValues


def ok():
    """Succeeds."""


def fail():
    raise RuntimeError("it was meant to fail")


def say():
    print(*sys.argv[1:])


def sleep():
    time.sleep(float(sys.argv[1]))


def exit_with():
    sys.exit(int(sys.argv[1]))


def succeed_at():
    """succeed_at N: fails until it is started for the Nth time."""
    file = Path("starts.txt")
    count = len(file.read_text()) + 1 if file.exists() else 1
    file.write_text("x" * count)
    if count < int(sys.argv[1]):
        raise RuntimeError(f"start {count} of {sys.argv[1]}")


def put():
    """put KEY JSON."""
    values().set(sys.argv[1], json.loads(sys.argv[2]))


def put_long():
    """put_long N: a value of N bytes of JSON."""
    values().set("long", "x" * (int(sys.argv[1]) - 2))


def put_object():
    values().set("object", object())


def get():
    """get TASK KEY [DEFAULT]."""
    print(json.dumps(values().get(*sys.argv[1:])))
