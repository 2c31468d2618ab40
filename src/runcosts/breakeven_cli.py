"""The command `runcosts breakeven`."""

import json
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from runcosts.errors import RuncostsError, SettingsError
from runcosts.estimate_cli import REFUSED, Bundle, Last, Minutes, Root, Target, make_outlook, open_bundle
from runcosts.output import Format, Output

if TYPE_CHECKING:
    from rich.table import Table

    from runcosts.breakeven import Crossing, Quote
    from runcosts.forecast import Outlook, Range

HERE = "this platform"
QuoteFile = Annotated[
    Path, typer.Argument(help="A TOML file: what the other platform asks, each with date and source.")
]
JobKey = Annotated[str, typer.Option("--job", help="The job whose runs are counted.")]


def breakeven(
    quote_file: QuoteFile,
    job: JobKey,
    *,
    target: Target = None,
    history: Last = 10,
    minutes: Minutes = None,
    output: Format = Output.TABLE,
    root: Root = Path(),
    bundle: Bundle = None,
) -> None:
    """Say from how many runs a month on this or another platform is cheaper.

    Exit status: 0, or 2 for a quote, a bundle, prices or settings that cannot be used.
    """
    from rich.console import Console

    from runcosts.breakeven import cross, doubts, read_quote
    from runcosts.forecast import BOUNDS
    from runcosts.forecast_text import amount

    try:
        outlook, quote = make_outlook(root, history, minutes, target=target), read_quote(quote_file)
        run = _cost_of_a_run(quote, outlook, job, root, target, bundle)
    except RuncostsError as refused:
        typer.echo(str(refused), err=True)
        raise typer.Exit(REFUSED) from refused
    found = {bound: cross(quote, getattr(run, bound), HERE) for bound in BOUNDS if getattr(run, bound) is not None}
    if output is Output.JSON:
        typer.echo(json.dumps(_json(quote, run, found, outlook), indent=2, ensure_ascii=False))
        return
    console = Console(markup=False, highlight=False)
    console.print(_table(quote, run.expected or Decimal(0)))
    for bound, crossing in found.items():
        console.print(f"at the {bound} cost of a run ({amount(getattr(run, bound))}): {_sentence(crossing)}")
    for place, item in quote.items:
        console.print(f"· {place}: {amount(item.amount)}, {item.date}, {item.source}")
    for doubt in doubts(quote, outlook.today):
        console.print(f"· {doubt}")
    console.print(f"· runs of {job} are estimates at list prices of {outlook.prices.date}, without discounts")


def _cost_of_a_run(
    quote: "Quote", outlook: "Outlook", job: str, root: Path, target: str | None, bundle: Path | None
) -> "Range":
    from runcosts.forecast import forecast_jobs

    if quote.currency != outlook.prices.currency:
        raise SettingsError(
            f"the quote is in {quote.currency}, the price file in {outlook.prices.currency}: convert one"
        )
    (forecast,) = forecast_jobs(open_bundle(root, target, bundle, outlook.settings), outlook, job)
    missing = [f"{task.task_key}: {task.reason}" for task in forecast.tasks if task.reason]
    if missing:
        raise SettingsError(f"what a run of {job} costs is not known: {'; '.join(missing)}")
    return forecast.run


def _sentence(crossing: "Crossing") -> str:
    if crossing.runs is None:
        return f"{crossing.above} is cheaper, however many runs"
    return f"{crossing.below} is cheaper up to {crossing.runs:,.1f} runs a month, {crossing.above} beyond"


def _table(quote: "Quote", run: Decimal) -> "Table":
    from rich import box
    from rich.table import Table

    from runcosts.breakeven import months
    from runcosts.forecast_text import amount

    table = Table(title=f"a month ({quote.currency}), expected", title_justify="left", box=box.SIMPLE_HEAD)
    for name in ("runs", HERE, quote.name, "cheaper"):
        table.add_column(name, justify="left" if name == "cheaper" else "right")
    for many, here, other in months(quote, run):
        cheaper = "equal" if here == other else HERE if here < other else quote.name
        table.add_row(f"{many:,}", amount(here), amount(other), cheaper)
    return table


def _json(quote: "Quote", run: "Range", found: "dict[str, Crossing]", outlook: "Outlook") -> dict[str, Any]:
    from runcosts.breakeven import doubts, months

    return {
        "currency": quote.currency,
        "price_date": outlook.prices.date.isoformat(),
        "run": {bound: None if value is None else float(value) for bound, value in vars(run).items()},
        "breakeven": {
            bound: {
                "runs": None if one.runs is None else float(one.runs),
                "cheaper_below": one.below,
                "cheaper_above": one.above,
            }
            for bound, one in found.items()
        },
        "months": [
            {"runs": many, "here": float(here), "other": float(other)}
            for many, here, other in months(quote, run.expected or Decimal(0))
        ],
        "inputs": [
            {"what": place, "amount": float(item.amount), "date": item.date.isoformat(), "source": item.source}
            for place, item in quote.items
        ],
        "doubts": doubts(quote, outlook.today),
    }
