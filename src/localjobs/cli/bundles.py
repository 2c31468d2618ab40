"""`localjobs resolve` and `localjobs graph`: commands on the bundle alone."""

import json
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from localjobs.cli.console import explaining_errors
from localjobs.cli.options import Output, Root, Target, Variables, make_request

if TYPE_CHECKING:
    from localjobs.spec.job import Job

Key = Annotated[str, typer.Argument(help="Key of the job in the bundle.")]
JsonOnly = Annotated[Output, typer.Option("-o", "--output", help="Only json.")]


def resolve_command(
    target: Target = None, bundle_root: Root = None, var: Variables = None, output: JsonOnly = Output.JSON
) -> None:
    """Print the bundle as `databricks bundle validate -o json` does, without a workspace.

    Exit status: 0, or 2 for a bundle that is refused.

    Example: localjobs resolve -t prod -o json
    """
    from localjobs.bundle.resolve import resolve

    with explaining_errors():
        bundle = resolve(make_request(bundle_root, target, var))
        if output is not Output.JSON:
            raise typer.BadParameter("resolve prints json only")
        print(json.dumps(bundle.tree, indent=2, sort_keys=True, ensure_ascii=False))  # noqa: T201


class Picture(StrEnum):
    """How a graph is drawn."""

    MERMAID = "mermaid"
    SVG = "svg"


PictureFormat = Annotated[Picture, typer.Option("-o", "--output", help="How to draw.")]


def graph(
    job: Key,
    target: Target = None,
    bundle_root: Root = None,
    var: Variables = None,
    output: PictureFormat = Picture.MERMAID,
) -> None:
    """Print the tasks of a job as a Mermaid flowchart or an SVG picture.

    Exit status: 0, or 2 for a bundle that is refused.

    Example: localjobs graph training -o svg > training.svg
    """
    from localjobs.bundle.resolve import deploy
    from localjobs.report.page import render_graph
    from localjobs.runner.loading import load_job
    from localjobs.runner.plan import task_record

    with explaining_errors():
        bundle = deploy(make_request(bundle_root, target, var, force=True))  # a picture of it deploys nothing
        loaded = load_job(bundle, job, skip_unsupported=True)
        records = [task_record(loaded, task) for task in loaded.tasks]
        print(render_graph(loaded.name, records) if output is Picture.SVG else mermaid(loaded))  # noqa: T201 - the result of the command


def mermaid(job: "Job") -> str:
    """The graph of a job in Mermaid's language; conditions are diamonds, their answers stand on the edges."""
    numbers = {task.task_key: f"t{number}" for number, task in enumerate(job.tasks)}
    lines = ["flowchart LR"]
    for task in job.tasks:
        left, right = ("{", "}") if task.condition_task else ("[", "]")
        note = f"<br/>{task.run_if}" if task.run_if != "ALL_SUCCESS" else ""
        lines.append(f'  {numbers[task.task_key]}{left}"{task.task_key}{note}"{right}')
    for task in job.tasks:
        for dep in task.depends_on:
            answer = f"|{dep.outcome}|" if dep.outcome else ""
            lines.append(f"  {numbers[dep.task_key]} -->{answer} {numbers[task.task_key]}")
    return "\n".join(lines)
