"""`fraud-deploy`: prepares a workspace for the bundle."""

from pathlib import Path
from typing import Annotated

import typer
from databricks.sdk import WorkspaceClient
from databricks.sdk.errors.base import DatabricksError
from rich.console import Console

from fraud_detection.deploy.policies import apply_steps, plan_policies, read_policies
from fraud_detection.errors import FraudDetectionError

POLICIES = Path("resources/policies")
REFUSED = 2

app = typer.Typer(no_args_is_help=True, add_completion=False, help=__doc__)
console = Console(soft_wrap=True, highlight=False)


@app.callback()
def prepare() -> None:
    """Prepare a workspace for the bundle."""


@app.command(epilog="Example: fraud-deploy policies --profile staging --apply")
def policies(
    apply: Annotated[bool, typer.Option("--apply", help="Install them; without, only say what would be done.")] = False,  # noqa: FBT002
    folder: Annotated[Path, typer.Option(help="Folder of the policies.")] = POLICIES,
    profile: Annotated[
        str | None, typer.Option(help="Of ~/.databrickscfg; without, what the environment says.")
    ] = None,
) -> None:
    """Install the cluster policies in a workspace; those that are as they should be stay untouched.

    Exit status: 0, or 2 where a file is no policy, or the workspace cannot be reached or refuses.
    """
    try:
        wanted = read_policies(folder)
        client = WorkspaceClient(profile=profile)
        steps = plan_policies(wanted, client)
        if apply:
            apply_steps(steps, client)
    except (FraudDetectionError, DatabricksError, ValueError) as error:  # ValueError: nobody is signed in
        console.print(f"[red]{error}[/red]")
        raise typer.Exit(REFUSED) from error
    for step in steps:
        console.print(f"{step.action:7} {step.policy.name}")
    if not apply and any(step.action != "keep" for step in steps):
        console.print("nothing was done; --apply does it")
