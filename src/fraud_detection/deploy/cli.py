"""`fraud-deploy`: prepares a workspace for the bundle."""

import json
import shlex
from collections import Counter
from dataclasses import asdict
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from fraud_detection.deploy.needs import KINDS, Needs, read_needs
from fraud_detection.errors import ConfigurationError
from fraud_detection.refusals import told
from runcosts.bundle import read_bundle, resolve_bundle
from runcosts.errors import BundleError

if TYPE_CHECKING:
    from fraud_detection.deploy.findings import Finding

POLICIES = Path("resources/policies")

FAILING = 1


class Form(StrEnum):
    """How to print findings."""

    TEXT = "text"
    JSON = "json"


Profile = Annotated[str | None, typer.Option(help="Of ~/.databrickscfg; without, what the environment says.")]

app = typer.Typer(no_args_is_help=True, add_completion=False, rich_markup_mode=None, help=__doc__)
console = Console(soft_wrap=True, highlight=False)


@app.callback()
def prepare() -> None:
    """Prepare a workspace for the bundle."""


@app.command(epilog="Example: fraud-deploy policies --profile staging --apply")
def policies(
    apply: Annotated[bool, typer.Option("--apply", help="Install them; without, only say what would be done.")] = False,  # noqa: FBT002
    folder: Annotated[Path, typer.Option(help="Folder of the policies.")] = POLICIES,
    profile: Profile = None,
) -> None:
    """Install the cluster policies in a workspace; those that are as they should be stay untouched.

    Exit status: 0, or 2 where a file is no policy, or the workspace cannot be reached or refuses.
    """
    from databricks.sdk import WorkspaceClient
    from databricks.sdk.errors.base import DatabricksError

    from fraud_detection.deploy.policies import apply_steps, plan_policies, read_policies

    with told(console, DatabricksError, ValueError):  # ValueError: nobody is signed in
        wanted = read_policies(folder)
        client = WorkspaceClient(profile=profile)
        steps = plan_policies(wanted, client)
        if apply:
            apply_steps(steps, client)
    for step in steps:
        console.print(f"{step.action:7} {step.policy.name}")
    if not apply and any(step.action != "keep" for step in steps):
        console.print("nothing was done; --apply does it")


@app.command(epilog="Example: fraud-deploy doctor -t staging --profile staging --var service_principal=…")
def doctor(
    target: Annotated[str | None, typer.Option("--target", "-t", help="Of the bundle; else its default one.")] = None,
    var: Annotated[list[str] | None, typer.Option(help="A variable of the bundle, as name=value.")] = None,
    bundle: Annotated[
        Path | None,
        typer.Option(help="The resolved bundle as JSON, - for standard input; without, localjobs resolves."),
    ] = None,
    skip: Annotated[list[str] | None, typer.Option(help=f"A kind of check to leave out: {', '.join(KINDS)}.")] = None,
    profile: Profile = None,
    output: Annotated[Form, typer.Option("--output", "-o", help="How to print.")] = Form.TEXT,
) -> None:
    """Check a workspace before the first deployment: it only reads, and says of each fault what mends it.

    Exit status: 0, 1 where a check fails or its answer cannot be read, 2 where the bundle or an option is refused.
    """
    from fraud_detection.deploy.doctor import connect, diagnose

    with told(console, BundleError):
        needs = _needs(target, var or [], bundle)
        _refuse_unknown(skip or [])
    findings = []
    for finding in diagnose(needs, lambda: connect(profile), skip or []):
        findings.append(finding)
        if output is Form.TEXT:
            _print(finding)
    levels = Counter(finding.level for finding in findings)
    if output is Form.JSON:
        print(json.dumps([asdict(finding) for finding in findings], indent=2, ensure_ascii=False))  # noqa: T201
    else:
        console.print(f"{levels['ok']} ok, {levels['fails']} fail, {levels['skipped']} skipped; nothing was changed")
    raise typer.Exit(FAILING if levels["fails"] else 0)


def _needs(target: str | None, variables: list[str], bundle: Path | None) -> Needs:
    if bundle is not None:
        return read_needs(read_bundle(bundle))
    given = [word for variable in variables for word in ("--var", variable)]
    return read_needs(resolve_bundle(Path(), target, shlex.join(["localjobs", "resolve", "-o", "json", *given])))


def _refuse_unknown(kinds: list[str]) -> None:
    unknown = sorted(set(kinds) - set(KINDS))
    if unknown:
        raise ConfigurationError(f"--skip is {', '.join(unknown)}; expected one of {', '.join(KINDS)}")


def _print(finding: "Finding") -> None:
    if finding.level == "fails":
        console.print(f"fails    {finding.subject}", style="red", markup=False)
        for name in ("found", "expected", "mend"):
            console.print(f"           {name + ':':9} {getattr(finding, name)}", markup=False)
    else:
        console.print(f"{finding.level:8} {finding.subject}: {finding.found}", markup=False)
