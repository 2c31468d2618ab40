"""The command `runcosts ledger`."""

import datetime as dt
import json
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer
from rich.console import Console

from runcosts.estimate_cli import Root
from runcosts.output import Format, Output

if TYPE_CHECKING:
    from rich.table import Table

Last = Annotated[int, typer.Option(min=1, help="How many rows.")]
WRAPPED = ("job, task",)
console = Console(markup=False, highlight=False)


def show_ledger(root: Root = Path(), last: Last = 20, output: Format = Output.TABLE) -> None:
    """Print the rows of the attempts that ended last; -o json prints every column."""
    from runcosts.settings import PLACEHOLDER, load_settings

    pattern = load_settings(root).ledger
    if pattern is None:
        console.print(f"{root.resolve() / 'pyproject.toml'} has no [tool.runcosts] ledger")
        raise typer.Exit(1)
    from runcosts.local_ledger import LocalLedger  # slow to import, and only this command needs it

    ledgers = {folder: LocalLedger(folder).rows(last) for folder in sorted(root.glob(PLACEHOLDER.sub("*", pattern)))}
    if output is Output.JSON:
        rows = [row | {"ledger": str(folder)} for folder, found in ledgers.items() for row in found]
        typer.echo(json.dumps(rows, indent=2, ensure_ascii=False, default=_plain))
        return
    for folder, found in ledgers.items():
        console.print(_table(f"{folder} (UTC)", found))
        for note in dict.fromkeys(_notes(found)):
            console.print(note)


def _table(title: str, rows: list[dict[str, Any]]) -> "Table":
    """Two lines an attempt, within 80 columns."""
    from rich import box
    from rich.table import Table

    from runcosts.forecast_text import amount
    from runcosts.history import plain_name

    table = Table(title=title, title_justify="left", box=box.SIMPLE_HEAD, pad_edge=False)
    for name in ("ended", "job, task", "state, time", "compute", "cost"):
        justify: Literal["left", "right"] = "right" if name == "cost" else "left"
        table.add_column(name, justify=justify, overflow="fold", no_wrap=name not in WRAPPED)
    for row in rows:
        again = f" (attempt {row['attempt'] + 1})" if row["attempt"] else ""
        cost = "?" if row["estimated_usd"] is None else f"{amount(row['estimated_usd'])} {row['currency']}"
        task = f"{plain_name(row['job_name'])}\n  {row['task_key']}{again}"
        moment = f"{row['ended_at']:%Y-%m-%d\n%H:%M:%S}"
        table.add_row(moment, task, f"{row['result_state']}\n{row['seconds']:,.1f} s", _compute(row), cost)
    return table


def _compute(row: dict[str, Any]) -> str:
    if row["node_type"] is None:
        return "?"
    workers = f" + {row['workers'].normalize():f}" if row["workers"] else ""
    return f"{row['node_type']}{workers}"


def _notes(rows: list[dict[str, Any]]) -> Iterator[str]:
    """What an amount takes for granted, or why there is none."""
    for row in rows:
        text = row["reason"] if row["estimated_usd"] is None else row.get("assumptions")
        if text:
            yield f"· {row['task_key']}: {text}"


def _plain(value: Any) -> Any:
    return (
        float(value) if isinstance(value, Decimal) else value.isoformat() if isinstance(value, dt.date) else str(value)
    )
