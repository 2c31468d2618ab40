"""How a command tells what it refuses."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import typer
from rich.console import Console

from fraud_detection.errors import FraudDetectionError

REFUSED: Final = 2


@contextmanager
def told(console: Console, *also: type[Exception]) -> Iterator[None]:
    """Tell what is refused in a line, without a stack trace, and end with status 2; `also` names others' errors."""
    kinds: tuple[type[Exception], ...] = (FraudDetectionError, *also)
    try:
        yield
    except kinds as error:
        console.print(str(error), style="red", markup=False)
        raise typer.Exit(REFUSED) from error
