"""Runs one attempt of one task: `python -m localjobs_task`."""

import sys

from .attempt import attempt_folder, read_context
from .programs import run_program
from .record import ResultRecord
from .watch import watch_runner


def main() -> None:
    """Do what the context of the attempt says, and record how it ended."""
    watch_runner()
    context = read_context()
    if context is None:
        sys.exit("localjobs_task is started by localjobs only")
    with ResultRecord(attempt_folder()) as record:
        record.output = run_program(context)


if __name__ == "__main__":
    main()
