"""The command `runcosts estimate`."""

import datetime as dt
import json
from decimal import Decimal, InvalidOperation
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from runcosts.errors import RuncostsError

if TYPE_CHECKING:
    from runcosts.bundle import Tree
    from runcosts.comparison import Amounts, Comparison
    from runcosts.forecast import Outlook
    from runcosts.settings import Settings

REFUSED = 2


class Output(StrEnum):
    """What to print."""

    TABLE = "table"
    JSON = "json"
    MARKDOWN = "markdown"


def _number(text: str) -> Decimal:
    try:
        number = Decimal(text)
    except InvalidOperation as error:
        raise typer.BadParameter(f"{text!r} is no number") from error
    if not 0 < number < Decimal("Infinity"):
        raise typer.BadParameter(f"{text!r}; expected a number above 0")
    return number


Target = Annotated[str | None, typer.Option("--target", "-t", help="Target of the bundle; else its default one.")]
JobKey = Annotated[str | None, typer.Option("--job", help="Only this job.")]
Root = Annotated[Path, typer.Option(help="The bundle's folder, with its pyproject.toml.")]
Bundle = Annotated[Path | None, typer.Option("--bundle", help="The resolved bundle as JSON; - for standard input.")]
Last = Annotated[int, typer.Option("--history", min=0, help="How many past runs to look at; 0 for none.")]
Minutes = Annotated[Decimal | None, typer.Option(parser=_number, help="Assumed time of tasks without past runs.")]
Runs = Annotated[Decimal | None, typer.Option("--runs-a-month", parser=_number, help="Of jobs without a schedule.")]
Other = Annotated[
    str | None,
    typer.Option("--compare", help="A branch, a resolved bundle, or what an earlier estimate -o json printed."),
]
Format = Annotated[Output, typer.Option("--output", "-o", help="What to print.")]


def estimate_costs(
    *,
    target: Target = None,
    job: JobKey = None,
    history: Last = 10,
    minutes: Minutes = None,
    runs_a_month: Runs = None,
    compare_with: Other = None,
    output: Format = Output.TABLE,
    root: Root = Path(),
    bundle: Bundle = None,
) -> None:
    """Estimate what a run of each job costs, and a month, before anything is deployed.

    Exit status: 0, or 2 for a bundle, prices or settings that cannot be used.
    """
    from rich.console import Console

    from runcosts.comparison import amounts_of
    from runcosts.forecast import forecast_jobs
    from runcosts.forecast_text import as_json, as_markdown, as_tables

    try:
        outlook = make_outlook(root, history, minutes, runs_a_month, target)
        jobs = forecast_jobs(open_bundle(root, target, bundle, outlook.settings), outlook, job)
        comparison = _comparison(compare_with, amounts_of(jobs), root, target, job, outlook)
    except RuncostsError as refused:
        typer.echo(str(refused), err=True)
        raise typer.Exit(REFUSED) from refused
    if output is Output.JSON:
        typer.echo(json.dumps(as_json(jobs, outlook, comparison), indent=2, ensure_ascii=False))
    elif output is Output.MARKDOWN:
        typer.echo(as_markdown(jobs, outlook, comparison))
    else:
        Console(markup=False, highlight=False).print(as_tables(jobs, outlook, comparison))


def make_outlook(
    root: Path,
    last: int = 10,
    minutes: Decimal | None = None,
    runs_a_month: Decimal | None = None,
    target: str | None = None,
) -> "Outlook":
    """What forecasts of the bundle in that folder follow today, in a target of it.

    Raises:
        SettingsError, PricesError: costs cannot be estimated as [tool.runcosts] asks.
    """
    from runcosts.forecast import Outlook
    from runcosts.history import History, ledger_rows
    from runcosts.prices import load_prices
    from runcosts.settings import check_settings, load_settings

    settings = load_settings(root, target)
    prices = load_prices(root / settings.prices if settings.prices else None)
    check_settings(settings, prices)
    past = History(ledger_rows(root, settings) if last else ())
    today = dt.datetime.now(tz=dt.UTC).date()
    return Outlook(prices, settings, today, past, last, minutes, runs_a_month)


def open_bundle(root: Path, target: str | None, file: Path | None, settings: "Settings") -> "Tree":
    """The resolved bundle: from a file if one is named, else by the command of the settings.

    Raises:
        BundleError: it cannot be read or is refused.
    """
    from runcosts.bundle import read_bundle, resolve_bundle

    return read_bundle(file) if file else resolve_bundle(root, target, settings.resolve)


def _comparison(
    other: str | None, after: "Amounts", root: Path, target: str | None, job: str | None, outlook: "Outlook"
) -> "Comparison | None":
    from runcosts.comparison import compare

    if other is None:
        return None
    return compare(other, _other_amounts(other, root, target, outlook), after, job)


def _other_amounts(other: str, root: Path, target: str | None, outlook: "Outlook") -> "Amounts":
    """Of a saved estimate, a resolved bundle, or the bundle on a branch; by the same prices and past runs."""
    from runcosts.bundle import read_bundle, resolve_branch
    from runcosts.comparison import amounts_of, saved_amounts
    from runcosts.forecast import forecast_jobs

    file = Path(other)
    if not file.is_file():
        return amounts_of(forecast_jobs(resolve_branch(root, other, target, outlook.settings.resolve), outlook))
    if '"resources"' in file.read_text(encoding="utf-8"):
        return amounts_of(forecast_jobs(read_bundle(file), outlook))
    return saved_amounts(file)
