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
    """Run the statements of `text` on a session, each with the parameters that it names.

    Parameters become literals here: Delta's parser on Spark 4.1 does not hand on the arguments of `session.sql`.
    """
    for statement in split_statements(text):
        result = session.sql(bind_parameters(statement, parameters))
        if result.columns:
            result.show(truncate=False)
    sys.stdout.flush()


def bind_parameters(statement: str, parameters: Mapping[str, str]) -> str:
    """The statement with a string literal in place of each `:name` that is known; quotes and comments hide names."""

    def literal(token: re.Match[str]) -> str:
        if token[1] not in parameters:
            return token[0]
        return "'" + parameters[token[1]].replace("\\", "\\\\").replace("'", "''") + "'"

    return _TOKEN.sub(literal, statement)


def split_statements(text: str) -> Iterator[str]:
    """The statements between semicolons; quotes and comments hide those."""
    start, empty, position = 0, True, 0
    for token in [*_TOKEN.finditer(text + ";")]:
        empty = empty and not text[position : token.start()].strip()
        position = token.end()
        if token[0] == ";":
            if not empty:
                yield text[start : token.start()].strip()
            start, empty = token.end(), True
        elif not token[0].startswith(_COMMENT):
            empty = False
