"""The command `runcosts plan`."""

import datetime as dt
import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from runcosts.errors import RuncostsError
from runcosts.estimate_cli import REFUSED, Bundle, Last, Root, Target, make_outlook, open_bundle
from runcosts.output import Format, Output

if TYPE_CHECKING:
    from runcosts.bundle import Tree
    from runcosts.forecast import Outlook
    from runcosts.plan.moves import Window
    from runcosts.plan.text import Plan

Day = Annotated[dt.datetime | None, typer.Option("--from", formats=["%Y-%m-%d"], help="First day; else today.")]
EvenPaused = Annotated[bool, typer.Option("--even-paused", help="Also jobs that are paused in this target.")]


def plan(
    *,
    target: Target = None,
    history: Last = 10,
    first: Day = None,
    even_paused: EvenPaused = False,
    output: Format = Output.TABLE,
    root: Root = Path(),
    bundle: Bundle = None,
) -> None:
    """Lay all scheduled jobs on a week: nodes at once against limits, and better times.

    Exit status: 0 within the limits, 1 beyond one, 2 for a bundle, prices or settings that cannot be used.
    """
    from rich.console import Console

    from runcosts.plan.text import plan_json, plan_text

    try:
        outlook = make_outlook(root, history, target=target)
        tree = open_bundle(root, target, bundle, outlook.settings)
        found = _plan(tree, outlook, root, first.date() if first else outlook.today, even_paused=even_paused)
    except RuncostsError as refused:
        typer.echo(str(refused), err=True)
        raise typer.Exit(REFUSED) from refused
    if output is Output.JSON:
        typer.echo(json.dumps(plan_json(found), indent=2, ensure_ascii=False))
    else:
        Console(markup=False, highlight=False).print(plan_text(found))
    raise typer.Exit(1 if found.overloads else 0)


def _plan(tree: "Tree", outlook: "Outlook", root: Path, first: dt.date, *, even_paused: bool) -> "Plan":
    from runcosts.history import ledger_rows
    from runcosts.plan.batches import find_batches
    from runcosts.plan.moves import propose
    from runcosts.plan.peaks import overloads, spans_of
    from runcosts.plan.text import Plan
    from runcosts.plan.week import plan_week

    week, limits = plan_week(tree, outlook, first, even_paused=even_paused), _limits(tree, outlook)
    moves, left = propose(week.jobs, limits, _window(outlook.settings.off_peak))
    batches = list(find_batches(tree, outlook, ledger_rows(root, outlook.settings)))
    return Plan(week, limits, overloads(spans_of(week.jobs), limits), moves, left, batches)


def _limits(tree: "Tree", outlook: "Outlook") -> dict[str, int]:
    """The account's, and those of the bundle's pools."""
    from runcosts.plan.week import ALL_NODES, pool_scope

    own = outlook.settings.node_limit
    pools = {
        pool_scope(key): int(pool["max_capacity"])
        for key, pool in (tree["resources"].get("instance_pools") or {}).items()
        if pool.get("max_capacity")
    }
    return ({ALL_NODES: int(own)} if own else {}) | pools


def _window(hours: str) -> "Window":
    from runcosts.plan.moves import Window
    from runcosts.settings import HOURS

    found = HOURS.fullmatch(hours)
    begin_hour, begin_minute, end_hour, end_minute = map(int, found.groups() if found else ("0",) * 4)
    return Window(begin_hour * 60 + begin_minute, end_hour * 60 + end_minute)
