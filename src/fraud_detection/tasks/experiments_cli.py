"""`fraud-experiments`: what waits to be tried at night, and what came of it."""

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.table import Table

from fraud_detection.refusals import told
from fraud_detection.schemas import EXPERIMENTS

if TYPE_CHECKING:
    from fraud_detection.tables import Tables

SHOWN = ("experiment_id", "state", "tries", "priority", "settings", "note")
MOST_SHOWN = 1000

app = typer.Typer(no_args_is_help=True, add_completion=False, rich_markup_mode=None, help=__doc__)
console = Console(highlight=False)

Catalog = Annotated[str, typer.Option(help="Catalog of the queue.")]
Schema = Annotated[str, typer.Option(help="Schema of the queue; without, the only one here.")]


@app.command()
def add(
    settings: Annotated[str, typer.Argument(help='JSON by section: {"training": {"window_days": 60}}')],
    name: Annotated[str, typer.Option("--id", help="What it is called; a second one of that name is not added.")],
    *,
    priority: int = 0,
    catalog: Catalog = "spark_catalog",
    schema: Schema = "",
) -> None:
    """Put an experiment at the end of the queue; settings that no training could use are refused."""
    from fraud_detection.session import get_session, local_folder
    from fraud_detection.tasks.context import Settings
    from fraud_detection.tasks.experiment_queue import add_experiments
    from fraud_detection.tasks.run_experiment import with_overrides

    with told(console):
        with_overrides(Settings(), settings)
    tables = _tables(catalog, schema)
    spark = get_session(local_folder() / "warehouse")
    add_experiments(spark, tables, {name: json.dumps(json.loads(settings))}, priority, datetime.now(UTC))
    console.print(f"{name} waits in {tables.plain_name(EXPERIMENTS.name)}")


@app.command("list")
def show(*, catalog: Catalog = "spark_catalog", schema: Schema = "") -> None:
    """Print the queue."""
    from pyspark.sql import functions as F

    from fraud_detection.session import get_session, local_folder
    from fraud_detection.tasks.experiment_queue import ensure_queue

    spark, tables = get_session(local_folder() / "warehouse"), _tables(catalog, schema)
    ensure_queue(spark, tables)
    ordered = tables.read(spark, EXPERIMENTS.name).orderBy(F.col("priority").desc(), "added_at", "experiment_id")
    table = Table(*SHOWN)
    for row in ordered.select(*SHOWN).limit(MOST_SHOWN).collect():  # bounded by the limit
        table.add_row(*("" if value is None else str(value) for value in row))
    console.print(table)


def _tables(catalog: str, schema: str) -> "Tables":
    from fraud_detection.tasks.arguments import Arguments
    from fraud_detection.tasks.context import build_context

    with told(console):
        return build_context("experiments", Arguments(as_of="", catalog=catalog, schema=schema)).tables
