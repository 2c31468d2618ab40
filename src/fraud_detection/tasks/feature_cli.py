"""`fraud-features`: documents the features, and audits the published ones."""

from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from fraud_detection.refusals import told
from fraud_detection.tasks.arguments import Arguments

DEFAULTS = Arguments(as_of="")
PAGE = Path("docs/features.md")

app = typer.Typer(no_args_is_help=True, add_completion=False, rich_markup_mode=None, help=__doc__)
console = Console(soft_wrap=True)


@app.command()
def docs(
    out: Annotated[Path, typer.Option(help="The page to write.")] = PAGE,
    check: Annotated[bool, typer.Option("--check", help="Write nothing; exit 1 where the page is stale.")] = False,  # noqa: FBT002
) -> None:
    """Write the page of features from the registry. Exit status 0; 1 where --check finds it stale."""
    from fraud_detection.features.documentation import document

    text = document()
    if not check:
        out.write_text(text, encoding="utf-8")
    elif not out.exists() or out.read_text(encoding="utf-8") != text:
        console.print(f"[red]{out} is not what the registry says; run `fraud-features docs`[/red]")
        raise typer.Exit(1)


@app.command()
def audit(
    rows: Annotated[int, typer.Option(min=1, help="How many rows to compute anew.")] = 20,
    as_of: Annotated[
        datetime | None, typer.Option(formats=["%Y-%m-%d"], help="Only rows before this day; without, all.")
    ] = None,
    seed: Annotated[int, typer.Option(help="Which rows; the same seed draws the same.")] = 0,
    catalog: Annotated[str, typer.Option(help="Catalog of the tables.")] = DEFAULTS.catalog,
    schema: Annotated[str, typer.Option(help="Schema of the tables; without, the only one here.")] = DEFAULTS.schema,
    settings: Annotated[str, typer.Option(help="YAML file with the settings of the run; empty for the defaults.")] = "",
) -> None:
    """Compute published rows anew from the silver of their own time, labels from when they were known.

    Exit status 0 where all values are equal; 1 where one differs, named with its transaction; 2 where that cannot be
    told.
    """
    from fraud_detection.features.audit import find_differences
    from fraud_detection.features.single_node import compute_features
    from fraud_detection.tasks.context import build_context
    from fraud_detection.tasks.feature_audit import read_audited

    with told(console):
        context = build_context("audit", Arguments(as_of="", catalog=catalog, schema=schema, settings=settings))
        published, history = read_audited(context, rows, as_of and as_of.replace(tzinfo=UTC), seed)
        compute = partial(compute_features, settings=context.settings.features)
        differences = find_differences(published, history, compute)
    for row in differences.iter_rows(named=True):
        console.print("{feature} of transaction {transaction_id} is {found}, expected {expected}".format(**row))
    if differences.height:
        raise typer.Exit(1)
    console.print(f"{published.height} rows are what was known at their time")


if __name__ == "__main__":
    app()
