"""How a task of runcosts starts: its logging, and its parameters as --name=value."""

import argparse
import logging
from collections.abc import Sequence
from dataclasses import fields
from typing import Any

LOG_FORMAT = "%(asctime)s %(levelname)s %(message)s"


def start_task[T](kind: type[T], task: str, argv: Sequence[str] | None, *, in_any_job: bool = False) -> T:
    """Set up logging and read the parameters of a task into a dataclass of texts.

    Args:
        kind: its fields are the parameters, each with a default.
        task: the name in messages.
        argv: the command line; None for the one that the process was started with.
        in_any_job: whether the task may stand in a job that it does not know, whose own parameters reach it too.
    """
    logging.basicConfig(level=logging.INFO, format=LOG_FORMAT)
    logging.getLogger("py4j").setLevel(logging.WARNING)
    parser = argparse.ArgumentParser(prog=task, allow_abbrev=False, description=kind.__doc__)
    known: Any = kind
    for field in fields(known):
        parser.add_argument(f"--{field.name}", default=field.default, help=f"default: {field.default or 'none'}")
    found = parser.parse_known_args(argv)[0] if in_any_job else parser.parse_args(argv)
    return kind(**vars(found))
