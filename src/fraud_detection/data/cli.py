"""`fraud-data`: makes raw data to run the pipeline on, and looks at one's own."""

from datetime import datetime
from pathlib import Path
from typing import Annotated, Literal

import typer
from rich.console import Console
from rich.progress import track

from fraud_detection.data.world import Dirt, Plant, PlantKind, World
from fraud_detection.errors import FraudDetectionError
from fraud_detection.refusals import told

REFERENCE = World()
DIRT = Dirt()

app = typer.Typer(no_args_is_help=True, add_completion=False, rich_markup_mode=None, help=__doc__)
console = Console()


@app.callback()
def describe() -> None:
    """Make raw data to run the pipeline on, or look at your own before you load it."""


@app.command()
def generate(  # noqa: PLR0917  typer passes all by name
    out: Annotated[Path, typer.Option(help="Landing folder to write to.")] = Path(".local/landing"),
    answers: Annotated[Path, typer.Option(help="File for what only the simulator knows.")] = Path(
        ".local/answers.parquet"
    ),
    customers: Annotated[int, typer.Option(help="Number of cards.")] = REFERENCE.customers,
    terminals: Annotated[int, typer.Option(help="Number of terminals.")] = REFERENCE.terminals,
    days: Annotated[int, typer.Option(help="Number of days.")] = REFERENCE.days,
    start: Annotated[datetime, typer.Option(formats=["%Y-%m-%d"], help="First day.")] = datetime(2018, 4, 1),  # noqa: DTZ001
    seed: Annotated[int, typer.Option(help="The same seed makes the same files.")] = REFERENCE.seed,
    broken: Annotated[float, typer.Option(help="Share of lines that arrive cut off, and whole two days later.")] = (
        DIRT.broken
    ),
    duplicate: Annotated[float, typer.Option(help="Share of lines that arrive twice.")] = DIRT.duplicate,
    late: Annotated[float, typer.Option(help="Share of lines that arrive two days late.")] = DIRT.late,
    bad_amount: Annotated[float, typer.Option(help="Share of lines with an impossible amount.")] = DIRT.bad_amount,
    plant: Annotated[PlantKind | None, typer.Option(help="What changes from a day on, to test monitoring.")] = None,
    plant_day: Annotated[int, typer.Option(help="That day, from 0.")] = 150,
) -> None:
    """Simulate card transactions and write them as daily files, labels seven days later.

    Example: fraud-data generate --customers 500 --days 60 --out /tmp/landing --answers /tmp/answers.parquet
    """
    from fraud_detection.data.generator import generate_transactions
    from fraud_detection.data.landing import write_answers, write_landing

    with told(console):
        change = Plant(plant, plant_day) if plant else None
        world = World(customers, terminals, days, start.date(), seed, change)
        dirt = Dirt(broken, duplicate, late, bad_amount)
        _refuse_used_folder(out)
    transactions = generate_transactions(world)
    for _ in track(write_landing(transactions, world, dirt, out), "writing days", world.days, console=console):
        pass
    write_answers(transactions, answers)
    console.print(f"{transactions.height:,} transactions, {transactions['is_fraud'].sum():,} frauds in {out}")


@app.command()
def check(
    files: Annotated[list[Path], typer.Argument(help="Files to look at.", exists=True, dir_okay=False)],
    mapping: Annotated[Path | None, typer.Option(help="Settings file; its data.mapping is tried.")] = None,
    dataset: Annotated[Literal["transactions", "labels"], typer.Option(help="What the files hold.")] = "transactions",
) -> None:
    """Say what would become of each column of files, and show ten rows. Nothing is loaded.

    Status 1: a column is missing, or lines would be refused. Status 2: the files or the mapping cannot be used.

    Example: fraud-data check --mapping settings.yml landing/transactions/day.csv
    """
    from fraud_detection.config import DataSettings, load_section, read_yaml
    from fraud_detection.data.check import check_files
    from fraud_detection.data.report import render
    from fraud_detection.session import get_session, local_folder

    with told(console):
        values = read_yaml(mapping) if mapping else {}
        settings = load_section(DataSettings, values.get("data") or {}, "data")
        report = check_files(get_session(local_folder() / "warehouse"), files, dataset, settings)
    for part in render(report):
        console.print(part)
    if report.missing or report.quarantined:
        raise typer.Exit(1)


def _refuse_used_folder(out: Path) -> None:
    """Two worlds in one folder would look like corrections of each other."""
    if any(out.glob("*/*")):
        raise FraudDetectionError(f"{out} holds files already; expected an empty folder: remove it, or name another")


if __name__ == "__main__":
    app()
