"""The command runcosts."""

import datetime as dt
from dataclasses import astuple
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from runcosts.errors import PricesError
from runcosts.estimate_cli import estimate_costs
from runcosts.prices import Prices, gaps, load_prices
from runcosts.settings import PLACEHOLDER, load_settings

app = typer.Typer(no_args_is_help=True, help="What the runs of a bundle's jobs cost.", rich_markup_mode=None)
prices_app = typer.Typer(no_args_is_help=True, help="The price file that every estimate follows.")
app.add_typer(prices_app, name="prices")
app.command("estimate", epilog="Example: runcosts estimate -t prod --compare main -o markdown")(estimate_costs)
console = Console(markup=False)

PricesFile = Annotated[Path | None, typer.Argument(help="A price file; by default the one of the package.")]
Root = Annotated[Path, typer.Option(help="The bundle's folder, with its pyproject.toml.")]
Last = Annotated[int, typer.Option(min=1, help="How many rows.")]

LEDGER_COLUMNS = ("ended_at", "job_name", "task_key", "attempt", "result_state", "seconds", "node_type", "workers")


@prices_app.command("show", epilog="Example: runcosts prices show")
def show_prices(file: PricesFile = None) -> None:
    """Print the node types and rates."""
    prices = load_prices(file)
    console.print(f"{prices.currency}, {prices.date}")
    console.print(_rates_table(prices), _nodes_table(prices))


@prices_app.command("check", epilog="Example: runcosts prices check my-prices.yml")
def check_prices(file: PricesFile = None) -> None:
    """Check that a price file can be used, and say what it lacks."""
    try:
        prices = load_prices(file)
    except PricesError as unusable:
        console.print(str(unusable), style="red")
        raise typer.Exit(1) from unusable
    for gap in gaps(prices, dt.datetime.now(tz=dt.UTC).date()):
        console.print(gap)
    console.print(f"usable: {sum(map(len, prices.nodes.values()))} node types, {len(prices.known_terms())} rates")


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


def _rates_table(prices: Prices) -> Table:
    table = Table("cloud", "region", "tier", "SKU", "per DBU", title="Rates")
    for terms in prices.known_terms():
        table.add_row(*astuple(terms), str(prices.rate(terms)))
    return table


def _nodes_table(prices: Prices) -> Table:
    table = Table("cloud", "node type", "DBU/h", "region", "machine/h", "spot/h", title="Node types")
    for cloud, nodes in prices.nodes.items():
        for name, node in nodes.items():
            for region, machine in node.machine.items():
                table.add_row(
                    cloud, name, str(node.dbu_per_hour), region, str(machine.on_demand), str(machine.spot or "-")
                )
    return table


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
