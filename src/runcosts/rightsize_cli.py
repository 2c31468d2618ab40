"""The command `runcosts rightsize`."""

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from runcosts.errors import RuncostsError
from runcosts.estimate_cli import REFUSED, Bundle, JobKey, Last, Root, Target, make_outlook, open_bundle
from runcosts.output import Format, Output

if TYPE_CHECKING:
    from runcosts.forecast import Outlook
    from runcosts.rightsize.advice import Usages

LOCAL_LEDGER = ""
Catalog = Annotated[
    str | None,
    typer.Option(help="Catalog of compute.node_timeline and lakeflow.job_task_run_timeline, such as system."),
]
Ledger = Annotated[str, typer.Option(help="With --catalog: the ledger's table; else that of the settings, a folder.")]

Arm = Annotated[bool, typer.Option("--arm", help="What the tasks install runs on ARM nodes too.")]


def rightsize(
    *,
    target: Target = None,
    job: JobKey = None,
    history: Last = 10,
    catalog: Catalog = None,
    ledger: Ledger = LOCAL_LEDGER,
    arm: Arm = False,
    output: Format = Output.TABLE,
    root: Root = Path(),
    bundle: Bundle = None,
) -> None:
    """Suggest what each task should run on, by what it used in past runs, and show the reasoning.

    Exit status: 0, or 2 for a bundle, prices, settings or tables that cannot be used.
    """
    from rich.console import Console

    from runcosts.rightsize.advice import advise
    from runcosts.rightsize.text import advice_json, advice_tables

    try:
        outlook, rows, usages = _history(root, target, history, catalog, ledger)
        tree = open_bundle(root, target, bundle, outlook.settings)
        found = advise(tree, outlook, usages, rows, job, arm=arm)
    except RuncostsError as refused:
        typer.echo(str(refused), err=True)
        raise typer.Exit(REFUSED) from refused
    if output is Output.JSON:
        typer.echo(json.dumps(advice_json(found, outlook.prices.currency), indent=2, ensure_ascii=False))
    else:
        Console(markup=False, highlight=False).print(advice_tables(found, outlook.prices.currency))


def _history(
    root: Path, target: str | None, last: int, catalog: str | None, ledger: str
) -> "tuple[Outlook, list[Mapping[str, Any]], Usages]":
    """Past runs and what they used: by the platform's tables if a catalog is named, else as the runner measured it."""
    from runcosts.history import History, ledger_rows, plain_name
    from runcosts.rightsize.usage import measured_here

    outlook = make_outlook(root, last, target=target)
    if catalog is None:
        rows: list[Mapping[str, Any]] = [*ledger_rows(root, outlook.settings)]
        return outlook, rows, measured_here(rows, last)
    from runcosts.rightsize.node_timeline import measured_on_clusters  # needs Spark
    from runcosts.session import open_session
    from runcosts.system_tables import open_table

    spark = open_session()
    if ledger:
        rows = [row.asDict() for row in open_table(spark, ledger).collect()]  # a row an attempt
    else:
        rows = [*ledger_rows(root, outlook.settings)]
    by_id = measured_on_clusters(spark, catalog, outlook.prices, outlook.settings.terms, last)
    names = {row["job_id"]: plain_name(row["job_name"]) for row in rows}
    usages = {(names[job], task): usage for (job, task), usage in by_id.items() if job in names}
    return replace(outlook, history=History(rows)), rows, usages
