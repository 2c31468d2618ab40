"""SQL files: statement after statement, with `:name` parameters."""

import re
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from .spark import get_session

_TOKEN = re.compile(r"'(?:[^'\\]|\\.|'')*'|\"(?:[^\"\\]|\\.)*\"|`[^`]*`|--[^\n]*|/\*.*?\*/|;|:(\w+)", re.DOTALL)
_COMMENT = ("--", "/*")


def run_sql_file(file: Path, parameters: Mapping[str, str]) -> None:
    """Run all statements in order; rows that a statement returns are printed."""
    run_statements(get_session(), file.read_text(encoding="utf-8"), parameters)


def run_statements(session: Any, text: str, parameters: Mapping[str, str]) -> None:
    """Run the statements of `text` on a session, each with the parameters that it names."""
    for statement, names in split_statements(text):
        result = session.sql(statement, args={name: parameters[name] for name in names if name in parameters})
        if result.columns:
            result.show(truncate=False)
    sys.stdout.flush()


def split_statements(text: str) -> Iterator[tuple[str, set[str]]]:
    """The statements between semicolons with the parameters that each names; quotes and comments hide both."""
    start, names, empty, position = 0, set[str](), True, 0
    for token in [*_TOKEN.finditer(text + ";")]:
        empty = empty and not text[position : token.start()].strip()
        position = token.end()
        if token[0] == ";":
            if not empty:
                yield text[start : token.start()].strip(), names
            start, names, empty = token.end(), set(), True
        elif not token[0].startswith(_COMMENT):
            empty = False
            names |= {token[1]} if token[1] else set()
