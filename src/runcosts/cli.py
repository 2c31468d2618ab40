"""The command runcosts."""

import datetime as dt
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from runcosts.budget_cli import alert, gate
from runcosts.estimate_cli import estimate_costs
from runcosts.plan_cli import plan
from runcosts.prices_cli import app as prices_app
from runcosts.report_cli import report
from runcosts.rightsize_cli import rightsize
from runcosts.settings import PLACEHOLDER, load_settings

app = typer.Typer(no_args_is_help=True, help="What the runs of a bundle's jobs cost.", rich_markup_mode=None)
app.add_typer(prices_app, name="prices")
app.command("estimate", epilog="Example: runcosts estimate -t prod --compare main -o markdown")(estimate_costs)
app.command("plan", epilog="Example: runcosts plan -t prod --from 2026-12-07")(plan)
app.command("report", epilog="Example: runcosts report --out costs.html --days 14")(report)
app.command("rightsize", epilog="Example: runcosts rightsize -t prod --job training")(rightsize)
app.command("gate", epilog="Example: runcosts gate --job training -t prod")(gate)
app.command("alert", epilog="Example: runcosts alert --job-name 'fraud training'")(alert)
console = Console(markup=False)

Root = Annotated[Path, typer.Option(help="The bundle's folder, with its pyproject.toml.")]
Last = Annotated[int, typer.Option(min=1, help="How many rows.")]

LEDGER_COLUMNS = ("ended_at", "job_name", "task_key", "attempt", "result_state", "seconds", "node_type", "workers")


@app.command("ledger", epilog="Example: runcosts ledger --last 5")
def show_ledger(root: Root = Path(), last: Last = 20) -> None:
    """Print the rows of the attempts that ended last."""
    from runcosts.local_ledger import LocalLedger  # noqa: PLC0415 - slow to import, and only this command needs it

    pattern = load_settings(root).ledger
    if pattern is None:
        console.print(f"{root.resolve() / 'pyproject.toml'} has no [tool.runcosts] ledger")
        raise typer.Exit(1)
    for folder in sorted(root.glob(PLACEHOLDER.sub("*", pattern))):
        console.print(_ledger_table(str(folder), LocalLedger(folder).rows(last)))


def _ledger_table(title: str, rows: list[dict[str, Any]]) -> Table:
    table = Table(*LEDGER_COLUMNS, "estimated", "assumptions", title=title)
    for row in rows:
        amount = f"{row['estimated_usd']:.4f} {row['currency']}" if row["estimated_usd"] is not None else row["reason"]
        table.add_row(*(_cell(row[column]) for column in LEDGER_COLUMNS), amount, row.get("assumptions") or "")
    return table


def _cell(value: object) -> str:
    if isinstance(value, dt.datetime):
        return f"{value:%Y-%m-%d %H:%M:%S}"
    return f"{value:.1f}" if isinstance(value, Decimal) else str(value)
