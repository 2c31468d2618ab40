"""Options that commands share."""

import re
from collections.abc import Iterable
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from localjobs.errors import BundleError

if TYPE_CHECKING:
    from localjobs.bundle.resolve import Request


class Output(StrEnum):
    """How a command prints."""

    TEXT = "text"
    JSON = "json"


Root = Annotated[Path | None, typer.Option("--bundle-root", help="Folder of databricks.yml; found upwards by default.")]
Target = Annotated[str | None, typer.Option("-t", "--target", help="Target of the bundle.")]
Variables = Annotated[list[str] | None, typer.Option("--var", metavar="NAME=VALUE", help="Value of a variable.")]
Format = Annotated[Output, typer.Option("-o", "--output", help="How to print.")]
Force = Annotated[bool, typer.Option("--force", help="In production, from another git branch than the target's.")]
RunId = Annotated[int, typer.Argument(help="Id of the run, as `localjobs runs` lists it.")]

_NEXT_PAIR = re.compile(r",(?=[\w.\-]+=)")


def make_request(
    root: Path | None, target: str | None = None, variables: Iterable[str] | None = None, *, force: bool = False
) -> "Request":
    """The request that the options make."""
    from localjobs.bundle.resolve import Request

    return Request(bundle_root(root), target, parse_pairs("--var", variables), force=force)


def bundle_root(root: Path | None) -> Path:
    """The folder of the bundle."""
    from localjobs.bundle.files import find_root

    return find_root(root or Path.cwd())


def parse_pairs(option: str, texts: Iterable[str] | None) -> dict[str, str]:
    """`a=1,b=2` and `a=1` `b=2` alike; a comma that no name follows belongs to the value."""
    pairs: dict[str, str] = {}
    for pair in (part for text in texts or () for part in _NEXT_PAIR.split(text)):
        name, equals, value = pair.partition("=")
        if not equals or not name:
            raise BundleError(f"{option} {pair!r}: expected NAME=VALUE")
        pairs[name.strip()] = value
    return pairs
