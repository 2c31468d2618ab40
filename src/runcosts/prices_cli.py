"""The commands `runcosts prices …`."""

import datetime as dt
from collections.abc import Iterator
from dataclasses import astuple
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from runcosts.errors import NoPriceError, RuncostsError
from runcosts.estimate_cli import Bundle, Root, Target, open_bundle
from runcosts.output import Format, Output

if TYPE_CHECKING:
    from rich.table import Table

    from runcosts.bundle import Tree
    from runcosts.prices import Prices

app = typer.Typer(no_args_is_help=True, help="The price file that every estimate follows.", rich_markup_mode=None)
console = Console(markup=False)

PricesFile = Annotated[Path | None, typer.Argument(help="A price file; else that of the settings, or the package's.")]


@app.command("show", epilog="Example: runcosts prices show")
def show_prices(file: PricesFile = None, output: Format = Output.TABLE) -> None:
    """Print the node types and rates."""
    prices = _load(file, Path())
    if output is Output.JSON:
        typer.echo(prices.model_dump_json(indent=2))
        return
    console.print(f"{prices.currency}, {prices.date}")
    console.print(_rates_table(prices), _nodes_table(prices))


@app.command("check", epilog="Example: runcosts prices check my-prices.yml -t prod")
def check_prices(file: PricesFile = None, *, target: Target = None, root: Root = Path(), bundle: Bundle = None) -> None:
    """Check that a price file can be used, and say what it lacks, for the bundle here too if there is one.

    Exit status: 0; or 1 if the file cannot be used, or has no price for a node type of the bundle.
    """
    from runcosts.prices import gaps

    try:
        prices = _load(file, root)
        unknown = list(_unknown(prices, root, target, bundle))
    except RuncostsError as unusable:
        console.print(str(unusable), style="red")
        raise typer.Exit(1) from unusable
    for gap in [*gaps(prices, dt.datetime.now(tz=dt.UTC).date()), *unknown]:
        console.print(gap)
    console.print(f"usable: {sum(map(len, prices.nodes.values()))} node types, {len(prices.known_terms())} rates")
    raise typer.Exit(1 if unknown else 0)


@app.command("sync", epilog="Example: runcosts prices sync --out prices.yml")
def sync_prices(
    file: PricesFile = None,
    *,
    catalog: Annotated[str, typer.Option(help="Catalog of billing.list_prices.")] = "system",
    out: Annotated[Path | None, typer.Option(help="Write the renewed price file here; else only say it.")] = None,
    root: Root = Path(),
) -> None:
    """Renew the rates from the list prices of the account, and say what changed and what could not be taken."""
    from runcosts.price_sync import read_list_prices, renew, write_prices  # for this command only
    from runcosts.session import open_session

    now = dt.datetime.now(tz=dt.UTC)
    listed = read_list_prices(open_session(), catalog, now)
    renewal = renew(_load(file, root), listed, f"{catalog}.billing.list_prices", now.date())
    for line in (*renewal.changes, *(f"not taken: {left}" for left in renewal.left)):
        console.print(line)
    if out is not None:
        write_prices(renewal.prices, out)
    console.print(f"{len(renewal.changes)} rates changed; {f'written to {out}' if out else 'nothing written'}")


def _load(file: Path | None, root: Path) -> "Prices":
    from runcosts.prices import load_prices
    from runcosts.settings import load_settings

    own = load_settings(root).prices
    return load_prices(file or (root / own if own else None))


def _unknown(prices: "Prices", root: Path, target: str | None, bundle: Path | None) -> Iterator[str]:
    """Node types of the bundle without a price, each once."""
    if bundle is None and not (root / "databricks.yml").exists():
        return
    from runcosts.settings import load_settings

    settings = load_settings(root)
    for name in sorted(_node_types(open_bundle(root, target, bundle, settings))):
        try:
            prices.node(settings.terms, name)
        except NoPriceError as missing:
            yield f"the bundle uses a node type that is not known: {missing}"


def _node_types(tree: "Tree") -> set[str]:
    from runcosts.cluster import ClusterShape
    from runcosts.compute import task_compute

    jobs = (tree["resources"].get("jobs") or {}).values()
    computes = (task_compute(tree, job, task) for job in jobs for task in job.get("tasks", []))
    shapes = [compute.shape for compute in computes if compute and isinstance(compute.shape, ClusterShape)]
    return {name for shape in shapes for name in (shape.node_type, shape.driver_node_type)}


def _rates_table(prices: "Prices") -> "Table":
    from rich.table import Table

    table = Table("cloud", "region", "tier", "SKU", "per DBU", title="Rates")
    for terms in prices.known_terms():
        table.add_row(*astuple(terms), str(prices.rate(terms)))
    return table


def _nodes_table(prices: "Prices") -> "Table":
    from rich.table import Table

    table = Table("cloud", "node type", "DBU/h", "region", "machine/h", "spot/h", title="Node types")
    for cloud, nodes in prices.nodes.items():
        for name, node in nodes.items():
            for region, machine in node.machine.items():
                table.add_row(
                    cloud, name, str(node.dbu_per_hour), region, str(machine.on_demand), str(machine.spot or "-")
                )
    return table
