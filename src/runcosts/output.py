"""What a command prints."""

from enum import StrEnum
from typing import Annotated

import typer


class Output(StrEnum):
    """Tables for people, JSON for programs."""

    TABLE = "table"
    JSON = "json"


Format = Annotated[Output, typer.Option("--output", "-o", help="What to print.")]
