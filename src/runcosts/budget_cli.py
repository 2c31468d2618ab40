"""The commands `runcosts gate` and `runcosts alert`."""

import datetime as dt
from decimal import Decimal
from pathlib import Path
from typing import Annotated

import typer

from runcosts.errors import BudgetError, RuncostsError, SettingsError
from runcosts.estimate_cli import REFUSED, Bundle, Minutes, Root, Target, make_outlook, open_bundle

Job = Annotated[str, typer.Option("--job", help="The job, by its key in the bundle.")]
Threshold = Annotated[float, typer.Option(help="Robust standard deviations above the usual.")]


def gate(
    job: Job, target: Target = None, minutes: Minutes = None, *, root: Root = Path(), bundle: Bundle = None
) -> None:
    """Fail, or warn, when the next run of a job would pass a limit of [tool.runcosts.budgets].

    Exit status: 0 within the limits or if the budget only warns, 1 beyond them, 2 for what cannot be used.
    """
    try:
        check_budget(job, target, minutes, root, bundle)
    except BudgetError as passed:
        typer.echo(str(passed), err=True)
        raise typer.Exit(1) from passed
    except RuncostsError as refused:
        typer.echo(str(refused), err=True)
        raise typer.Exit(REFUSED) from refused


def check_budget(job: str, target: str | None, minutes: Decimal | None, root: Path, bundle: Path | None) -> None:
    """Judge the next run and say what was found.

    Raises:
        BudgetError: a limit is passed, or what it needs is not known, and the budget says fail.
        SettingsError: the job has no budget.
    """
    from runcosts.budget import judge, past_runs
    from runcosts.forecast import forecast_jobs
    from runcosts.history import ledger_rows

    outlook = make_outlook(root, minutes=minutes, target=target)
    budget = outlook.settings.budgets.get(job)
    if budget is None:
        known = ", ".join(sorted(outlook.settings.budgets)) or "none"
        raise SettingsError(f"[tool.runcosts.budgets] has no job {job!r}; it has {known}: add its limits")
    tree = open_bundle(root, target, bundle, outlook.settings)
    (forecast,) = forecast_jobs(tree, outlook, job)
    whole = all(task.reason is None for task in forecast.tasks)
    runs = past_runs(ledger_rows(root, outlook.settings), tree["resources"]["jobs"][job]["name"])
    verdict = judge(budget, forecast.run.expected if whole else None, runs, dt.datetime.now(dt.UTC))
    for note in verdict.notes:
        typer.echo(f"{job}: {note} ({outlook.prices.currency})")
    if not verdict.passed and budget.action == "fail":
        raise BudgetError(f"{job}: over budget: {'; '.join(verdict.reasons)}")
    typer.echo(f"{job}: within budget" if verdict.passed else f"{job}: WARNING, over budget: {verdict.reasons[0]}")


def alert(
    job_name: Annotated[str, typer.Option("--job-name", help="The job's name, as in the ledger.")],
    threshold: Threshold = 3.5,
    root: Root = Path(),
) -> None:
    """List the runs of a job that cost more than its history lets expect.

    Exit status: 0 if there are none, or only earlier ones; 1 if the last run is one.
    """
    from runcosts.budget import find_outliers, past_runs
    from runcosts.history import ledger_rows
    from runcosts.settings import load_settings

    runs = past_runs(ledger_rows(root, load_settings(root)), job_name)
    outliers = find_outliers(runs, Decimal(str(threshold)))
    for one in outliers:
        began = f"{one.run.started_at:%Y-%m-%d %H:%M}"
        typer.echo(f"run {one.run.job_run_id} of {began}: {one.run.cost:.4f}, usual {one.usual:.4f}, z {one.score:.1f}")
    typer.echo(f"{len(runs)} runs, {len(outliers)} unusually expensive")
    raise typer.Exit(1 if outliers and outliers[-1].run == runs[-1] else 0)
