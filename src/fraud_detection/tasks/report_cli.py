"""`fraud-report`: the dashboard of the bundle as one HTML page, from the tables."""

from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.progress import track

from fraud_detection.dashboard.definition import Dashboard, read_dashboard
from fraud_detection.refusals import told
from fraud_detection.schemas import DATA_TABLES, MONITORING_TABLES, RUN_COSTS, SCORING_TABLES
from fraud_detection.tasks.arguments import Arguments

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

    from fraud_detection.dashboard.page import Rows
    from fraud_detection.tables import Tables

DEFAULTS = Arguments(as_of="")
DASHBOARD = Path("resources/dashboards/fraud.lvdash.json")
READ = (*(table.name for table in (*DATA_TABLES, *SCORING_TABLES, *MONITORING_TABLES)), RUN_COSTS)
NO_TABLE = "TABLE_OR_VIEW_NOT_FOUND"

app = typer.Typer(add_completion=False, rich_markup_mode=None)
console = Console(soft_wrap=True)


@app.command()
def report(
    out: Annotated[Path, typer.Option(help="The page to write.")] = Path(".local/report.html"),
    dashboard: Annotated[Path, typer.Option(help="The dashboard to draw.")] = DASHBOARD,
    catalog: Annotated[str, typer.Option(help="Catalog of the tables.")] = DEFAULTS.catalog,
    schema: Annotated[str, typer.Option(help="Schema of the tables; without, the only one here.")] = DEFAULTS.schema,
) -> None:
    """Draw the dashboard of the bundle: volumes, fraud, savings, drift, quality, costs.

    Exit status 0; 2 where the dashboard cannot be read.
    """
    from fraud_detection.dashboard.page import render
    from fraud_detection.tasks.context import build_context

    with told(console):
        definition = read_dashboard(dashboard)
        context = build_context("report", Arguments(as_of="", catalog=catalog, schema=schema))
    found = run_queries(context.spark, context.tables, definition)
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text(render(definition, found, f"{catalog}.{context.tables.schema}", datetime.now(UTC)), encoding="utf-8")
    console.print(f"page: {out}")


def run_queries(spark: "SparkSession", tables: "Tables", dashboard: Dashboard) -> "dict[str, Rows | str]":
    """The rows of each query in the schema of the tables, or what is missing."""
    for table in READ:
        tables.exists(spark, table)  # makes a local table known to this session
    tables.use(spark)
    return {name: _run(spark, query) for name, query in track(dashboard.queries.items(), "asking", console=console)}


def _run(spark: "SparkSession", query: str) -> list[Mapping[str, Any]] | str:
    from pyspark.errors import AnalysisException

    try:
        return [row.asDict() for row in spark.sql(query).collect()]  # the queries aggregate
    except AnalysisException as error:
        if error.getCondition() != NO_TABLE:
            raise
        missing = (error.getMessageParameters() or {}).get("relationName", "a table")
        return f"{missing.replace('`', '')} has not been made yet"


if __name__ == "__main__":
    app()
