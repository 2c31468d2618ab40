"""`localjobs run` and `localjobs repair`."""

import json
import os
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from localjobs.cli.console import EXIT_NOT_SUCCESSFUL, explaining_errors, output_console, progress_console
from localjobs.cli.history import await_end, open_store
from localjobs.cli.options import Force, Format, Output, Root, RunId, Target, Variables, make_request, parse_pairs
from localjobs.cli.options import bundle_root as find_bundle
from localjobs.errors import BundleError
from localjobs.states import OK

if TYPE_CHECKING:
    from localjobs.bundle.resolve import Bundle
    from localjobs.runner.plan import Plan
    from localjobs.state.records import Run
    from localjobs.state.store import Store

Job = Annotated[str, typer.Argument(help="Key of the job in the bundle.")]
Params = Annotated[list[str] | None, typer.Option("--params", metavar="K=V,…", help="Job parameters.")]
Only = Annotated[str | None, typer.Option(metavar="a,+b,c+", help="Tasks to run; + adds those before or after one.")]
SkipUnsupported = Annotated[bool, typer.Option("--skip-unsupported", help="Leave out tasks that need a workspace.")]
RepairTasks = Annotated[str | None, typer.Option("--tasks", metavar="a,b", help="Tasks to run again.")]
AllFailed = Annotated[bool, typer.Option("--all-failed", help="Run all tasks again that did not succeed.")]
Dependents = Annotated[bool, typer.Option("--dependents", help="And all that depend on them, even if it succeeded.")]
FromSource = Annotated[
    bool, typer.Option("--from-source", help="Don't build the bundle's wheels: use what is installed.")
]


class Compute(StrEnum):
    """What Spark the tasks get."""

    ISOLATED = "isolated"
    SHARED = "shared"


ComputeChoice = Annotated[
    Compute,
    typer.Option("--compute", help="A Spark for each task, or one Spark Connect server for each job cluster."),
]
MAX_TOKEN = 64
Token = Annotated[
    str | None,
    typer.Option("--idempotency-token", help="Of two runs of a job with the same token only the first happens."),
]
Trigger = Annotated[str, typer.Option("--trigger", hidden=True)]
MaxParallel = Annotated[int | None, typer.Option(min=1, help="Tasks at once; the number of cores by default.")]


def run(
    job: Job,
    target: Target = None,
    bundle_root: Root = None,
    params: Params = None,
    var: Variables = None,
    only: Only = None,
    max_parallel: MaxParallel = None,
    output: Format = Output.TEXT,
    *,
    compute: ComputeChoice = Compute.ISOLATED,
    skip_unsupported: SkipUnsupported = False,
    from_source: FromSource = False,
    force: Force = False,
    idempotency_token: Token = None,
    trigger: Trigger = "ONE_TIME",
) -> None:
    """Run a job of the bundle on this machine.

    Exit status: 0 for SUCCESS and SUCCESS_WITH_FAILURES, 1 for any other result, 2 for a bundle that is refused.

    Example: localjobs run training -t local --params as_of=2026-01-31 --var catalog=spark_catalog
    """
    from localjobs.bundle.resolve import deploy
    from localjobs.runner.plan import make_plan

    with explaining_errors():
        bundle = deploy(make_request(bundle_root, target, var, force=force))
        _check_token(idempotency_token)
        given = parse_pairs("--params", params)
        plan = make_plan(
            bundle, job, given, only, max_parallel, skip_unsupported=skip_unsupported, trigger=trigger
        ).with_search(_search(bundle, from_source=from_source))
        store = open_store(bundle.root)
        ended = _run_once(plan, store, compute, idempotency_token)
        _print(ended, store, output)
    raise typer.Exit(0 if ended.result in OK else EXIT_NOT_SUCCESSFUL)


def repair(
    run_id: RunId,
    tasks: RepairTasks = None,
    bundle_root: Root = None,
    max_parallel: MaxParallel = None,
    output: Format = Output.TEXT,
    *,
    compute: ComputeChoice = Compute.ISOLATED,
    all_failed: AllFailed = False,
    dependents: Dependents = False,
    from_source: FromSource = False,
) -> None:
    """Run tasks of a run that has ended again: the run keeps its id, other tasks their results and values.

    The settings are the job's current ones, parameters and variables those of the run. Without a choice, all tasks
    that did not succeed are run again. Exit status: as that of `localjobs run`.

    Example: localjobs repair 482219034512345 --tasks train --dependents
    """
    from localjobs.bundle.resolve import Request, deploy
    from localjobs.runner.repair import Choice, claim, make_repair

    with explaining_errors():
        if tasks and all_failed:
            raise BundleError("--tasks and --all-failed exclude each other")
        store = open_store(find_bundle(bundle_root))
        known = store.load(run_id)
        bundle = deploy(Request(store.bundle_root, known.target, known.variables, force=True))  # its run was let begin
        keys = tuple(key.strip() for key in (tasks or "").split(",") if key.strip())
        plan = make_repair(bundle, known, Choice(keys, dependents), max_parallel)
        plan = plan.with_search(_search(bundle, from_source=from_source))
        claim(store, plan)
        ended = _run(plan, store, compute)
        _print(ended, store, output)
    raise typer.Exit(0 if ended.result in OK else EXIT_NOT_SUCCESSFUL)


def _search(bundle: "Bundle", *, from_source: bool) -> tuple[Path, ...]:
    """Where tasks find the bundle's own packages: in its wheels, as on Databricks, unless the source is asked for."""
    from localjobs.runner.wheels import provide_wheels

    return () if from_source else provide_wheels(bundle)


def _check_token(token: str | None) -> None:
    if token is not None and not 1 <= len(token) <= MAX_TOKEN:
        raise BundleError(f"--idempotency-token has {len(token)} characters; expected 1 to {MAX_TOKEN}")


def _run_once(plan: "Plan", store: "Store", compute: Compute, token: str | None) -> "Run":
    """Run the plan, unless the token has its run: then see that one to its end."""
    known = store.begin_once(plan.run, token) if token else plan.run.run_id
    if known == plan.run.run_id:
        return _run(plan, store, compute)
    progress_console().print(f"run {known} was begun with this token")
    return await_end(store, known)


def _print(run: "Run", store: "Store", output: Output) -> None:
    from localjobs.api import as_api
    from localjobs.cli.tables import print_run

    if output is Output.JSON:
        print(json.dumps(as_api(run, store), indent=2))  # noqa: T201 - the result of the command
    else:
        print_run(run, store.bundle_root, output_console())


def _run(plan: "Plan", store: "Store", compute: Compute) -> "Run":
    from rich.text import Text

    from localjobs.cli.progress import showing_progress
    from localjobs.notifiers.notifier import installed_notifiers
    from localjobs.runner.drive import run_plan
    from localjobs.sinks import Sinks, installed_factories

    console = progress_console()
    console.print(Text(f"{plan.run.job_name} · target {plan.run.target} · run {plan.run.run_id}", style="bold"))
    sinks = Sinks(installed_factories(), plan.bundle.root, plan.run.target)
    with showing_progress(console) as listener:
        notifiers, shared = installed_notifiers(os.environ), compute is Compute.SHARED
        ended = run_plan(plan, store, sinks, listener, notifiers, shared_compute=shared)
    _write_pages(ended, store)
    return ended


def _write_pages(run: "Run", store: "Store") -> None:
    """The page of the run, and those of the runs that its tasks started."""
    from localjobs.report.page import write_page

    write_page(run, store.bundle_root)
    for task in run.all_tasks:
        for attempt in task.attempts:
            if attempt.started_run_id is not None:
                _write_pages(store.load(attempt.started_run_id), store)
