"""The two streams: results on standard output, everything else on standard error."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, TextIO

import typer

from localjobs.errors import BundleError, LocalJobsError

if TYPE_CHECKING:
    from rich.console import Console

EXIT_NOT_SUCCESSFUL = 1
EXIT_REFUSED = 2
PIPE_WIDTH = 120


def output_console() -> "Console":
    """For what the command was asked for."""
    from rich.console import Console

    return Console(file=sys.stdout, highlight=False, width=_width(sys.stdout))


def progress_console() -> "Console":
    """For progress, warnings and errors."""
    from rich.console import Console

    return Console(file=sys.stderr, highlight=False, width=_width(sys.stderr))


def _width(stream: TextIO) -> int | None:
    """The terminal's own width; files and pipes take wide tables."""
    return None if stream.isatty() or "COLUMNS" in os.environ else PIPE_WIDTH


@contextmanager
def explaining_errors() -> Iterator[None]:
    """Print an error of localjobs as its message, and set the exit status: 2 when the bundle was refused, else 1."""
    try:
        yield
    except LocalJobsError as error:
        progress_console().print(f"error: {error}", style="red", markup=False, soft_wrap=True)
        raise typer.Exit(EXIT_REFUSED if isinstance(error, BundleError) else EXIT_NOT_SUCCESSFUL) from error
