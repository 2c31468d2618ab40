"""Runs notebooks: Databricks source files (.py) and Jupyter files (.ipynb), in the module `__main__`."""

import json
import linecache
import re
import sys
import traceback
from collections.abc import Iterator
from pathlib import Path
from types import CodeType, ModuleType
from typing import Any, NamedTuple, Protocol

from .dbutils import DBUtils, NotebookExit, shared_dbutils
from .spark import get_session
from .sql_files import run_statements

HEADER = "# Databricks notebook source"
_SEPARATOR = re.compile(r"^# COMMAND -+\s*$", re.MULTILINE)
_MAGIC = re.compile(r"^# MAGIC ?", re.MULTILINE)
_OF_CELLS = re.compile(r"\A(?:\s*(?:#[^\n]*)?\n)*%(\w+)[ \t]*(.*)\Z", re.DOTALL)
_FOR_PEOPLE = ("autoreload", "config", "load_ext", "matplotlib")
"""Magics of a line that only concern a person at a screen."""
_OF_LINES = re.compile(rf"^%(?:{'|'.join(_FOR_PEOPLE)})\b.*$|^%python\b", re.MULTILINE)
_INSTALLED = "installs nothing here: the environment holds what the project declares"


class Screen(Protocol):
    """What a notebook is shown on."""

    def show_markdown(self, text: str) -> None:
        """A cell of prose."""

    def display(self, value: Any, *arguments: Any, **options: Any) -> None:
        """What the notebook gives to `display`."""

    def display_html(self, html: str) -> None:
        """What the notebook gives to `displayHTML`."""


class Log:
    """The log of a task: frames as tables, everything else as it is, and no prose."""

    def show_markdown(self, text: str) -> None:
        """Nothing: it is for people."""

    def display(self, value: Any, *_arguments: Any, **_options: Any) -> None:
        """Print a frame as a table, anything else as it is."""
        if hasattr(value, "columns") and hasattr(value, "show"):
            value.show()
        else:
            print(value)  # noqa: T201 - the notebook's output

    def display_html(self, html: str) -> None:
        """Print it."""
        print(html)  # noqa: T201 - the same


class Cell(NamedTuple):
    """A piece of code, and where tracebacks say that it stands."""

    source: str
    file: str
    line: int = 0


class Notebook(NamedTuple):
    """A notebook that runs."""

    file: Path
    names: dict[str, Any]
    dbutils: DBUtils
    screen: Screen


def run_notebook(file: Path) -> str:
    """Run all cells as this process; what the notebook gave to `dbutils.notebook.exit`, else nothing."""
    module = ModuleType("__main__")
    sys.modules["__main__"] = module
    sys.argv = [str(file)]
    sys.excepthook = traceback.print_exception  # unlike the built-in one it knows the cells of a Jupyter notebook
    return run_cells(file, module.__dict__, shared_dbutils(), Log())


def run_cells(file: Path, names: dict[str, Any], dbutils: DBUtils, screen: Screen) -> str:
    """Run all cells in a namespace; what the notebook gave to `dbutils.notebook.exit`, else nothing."""
    names.update(__file__=str(file), dbutils=dbutils, display=screen.display, displayHTML=screen.display_html)
    try:
        _run_cells(Notebook(file, names, dbutils, screen))
    except NotebookExit as end:
        return end.value
    return ""


def read_cells(file: Path) -> Iterator[Cell]:
    """The code cells of a notebook."""
    text = file.read_text(encoding="utf-8")
    if file.suffix == ".ipynb":
        yield from _jupyter_cells(file, text)
        return
    if not text.startswith(HEADER):
        raise ValueError(f"{file} is no notebook: its first line is not {HEADER!r}")
    position = 0
    for separator in [*_SEPARATOR.finditer(text), None]:
        end = separator.start() if separator else len(text)
        yield Cell(text[position:end], str(file), text.count("\n", 0, position))
        position = separator.end() if separator else end


def _jupyter_cells(file: Path, text: str) -> Iterator[Cell]:
    for number, cell in enumerate(json.loads(text)["cells"], 1):
        if cell["cell_type"] == "code":
            source = "".join(cell["source"])
            place = f"{file}, cell {number}"
            linecache.cache[place] = (len(source), None, source.splitlines(keepends=True), place)
            yield Cell(source, place)


def _run_cells(notebook: Notebook) -> None:
    for cell in read_cells(notebook.file):
        magic = _OF_CELLS.match(_MAGIC.sub("", cell.source))
        if magic and magic[1] not in {"python", *_FOR_PEOPLE}:
            _run_magic(magic[1], magic[2].strip(), notebook)
        else:
            _run_code(cell, notebook.names)


def _run_code(cell: Cell, names: dict[str, Any]) -> None:
    source = _OF_LINES.sub("", _MAGIC.sub("", cell.source))
    code = compile("\n" * cell.line + source, cell.file, "exec")
    if "spark" in set(_names_in(code)) - names.keys():
        names["spark"] = get_session()
    exec(code, names)  # noqa: S102 - the notebook is the user's own program


def _names_in(code: CodeType) -> Iterator[str]:
    """Every name that the code mentions, in its functions too."""
    yield from code.co_names
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _names_in(constant)


def _run_magic(magic: str, text: str, notebook: Notebook) -> None:
    names = notebook.names
    if magic == "md":
        notebook.screen.show_markdown(text)
    elif magic == "sql":
        names["spark"] = names.get("spark") or get_session()
        run_statements(names["spark"], text, notebook.dbutils.widgets.getAll())
    elif magic == "run":
        _run_cells(notebook._replace(file=_find_notebook(notebook.file.parent / text.strip("\"'"))))
    elif magic == "pip":
        sys.stderr.write(f"localjobs: %pip {text}: {_INSTALLED}\n")
    elif magic != "restart_python":  # nothing was installed, so nothing has to be loaded anew
        raise NotImplementedError(f"the magic %{magic} does not run here; %python, %sql, %run, %pip and %md do")


def _find_notebook(path: Path) -> Path:
    candidates = [path, path.with_name(f"{path.name}.py"), path.with_name(f"{path.name}.ipynb")]
    found = next((candidate for candidate in candidates if candidate.is_file()), None)
    if found is None:
        raise FileNotFoundError(f"%run: no notebook {path}")
    return found
