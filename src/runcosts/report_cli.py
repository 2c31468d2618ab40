"""The command `runcosts report`."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from runcosts.errors import BundleError, RuncostsError
from runcosts.estimate_cli import REFUSED, Bundle, Root, Target, make_outlook, open_bundle

if TYPE_CHECKING:
    from runcosts.bundle import Tree
    from runcosts.forecast import Outlook
    from runcosts.settings import Settings

BILLS = "run_bills"
Out = Annotated[Path, typer.Option(help="The page to write; its folder is made.")]
Days = Annotated[int, typer.Option(min=1, max=92, help="How many days, today included.")]
Pictures = Annotated[Path | None, typer.Option(help="Write the charts as PNG into this folder too.")]


def report(
    *,
    out: Out = Path(".local/costs.html"),
    days: Days = 30,
    pictures: Pictures = None,
    target: Target = None,
    root: Root = Path(),
    bundle: Bundle = None,
) -> None:
    """Write one page of what runs cost: by day, job and cause, before and after marks, by task, and what was wasted.

    Exit status: 0, or 2 for prices, settings or marks that cannot be used.
    """
    from runcosts.history import ledger_rows
    from runcosts.report.facts import gather
    from runcosts.report.marks import read_marks
    from runcosts.report.page import render_page

    try:
        outlook = make_outlook(root, 0, target=target)
        marks = read_marks(root, outlook.settings.marks)
    except RuncostsError as refused:
        typer.echo(str(refused), err=True)
        raise typer.Exit(REFUSED) from refused
    bills = _bills(root, outlook.settings)
    facts = gather(ledger_rows(root, outlook.settings), bills, outlook.today, days, outlook.prices.currency)
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text(render_page(facts, marks, _tree(root, target, bundle, outlook)), encoding="utf-8")
    typer.echo(f"{facts.attempts} attempts of {facts.runs} runs: {out}")
    if pictures is not None:
        from runcosts.report.pictures import draw_pictures  # slow to import, and seldom asked for

        pictures.mkdir(parents=True, exist_ok=True)
        for name, figure in draw_pictures(facts, marks).items():
            figure.savefig(pictures / name)


def _tree(root: Path, target: str | None, bundle: Path | None, outlook: "Outlook") -> "Tree | None":
    """For the graphs; a bundle that cannot be resolved leaves them out, and says so."""
    try:
        return open_bundle(root, target, bundle, outlook.settings)
    except BundleError as refused:
        typer.echo(f"the page has no graphs: {refused}", err=True)
        return None


def _bills(root: Path, settings: "Settings") -> list[dict[str, Any]]:
    """Rows of the tables run_bills beside the ledgers, if bills were reconciled here."""
    from deltalake import DeltaTable  # slow to import, and few commands need it

    from runcosts.settings import PLACEHOLDER

    ledgers = sorted(root.glob(PLACEHOLDER.sub("*", settings.ledger))) if settings.ledger else []
    folders = [str(ledger.with_name(BILLS)) for ledger in ledgers]
    tables = [DeltaTable(folder) for folder in folders if DeltaTable.is_deltatable(folder)]
    return [row for table in tables for row in table.to_pyarrow_table().to_pylist()]
