"""`fraud-model`: which version of the model is champion, and how to change that."""

import getpass
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.table import Table

from fraud_detection.errors import ModelError
from fraud_detection.refusals import told

if TYPE_CHECKING:
    from mlflow import MlflowClient

    from fraud_detection.models.aliases import Candidacy, Change, Order
    from fraud_detection.models.versions import Version

SHOWN = ("test_average_precision", "test_saving_a_day")

app = typer.Typer(no_args_is_help=True, add_completion=False, rich_markup_mode=None, help=__doc__)
console = Console(soft_wrap=True, highlight=False)

ModelName = Annotated[
    str, typer.Option("--model-name", help="catalog.schema.name; without, the only model of the registry.")
]
Why = Annotated[str, typer.Option(help="The reason; kept in the tags of the version.")]
By = Annotated[str, typer.Option(help="Who orders it; without, the user of this machine.")]


@app.callback()
def choose(
    workspace: Annotated[  # noqa: FBT002
        bool, typer.Option("--workspace", help="The registry of the Databricks workspace, from this machine.")
    ] = False,
) -> None:
    """Say which version of the model is champion, and change that."""
    from fraud_detection.session import local_folder, on_databricks
    from fraud_detection.tasks.context import choose_stores

    choose_stores(None if workspace or on_databricks() else local_folder())


@app.command()
def promote(
    version: Annotated[int, typer.Argument(help="Number of the version.")],
    why: Why = "",
    by: By = "",
    to: Annotated[str, typer.Option(help="champion, or challenger.")] = "champion",
    force: Annotated[bool, typer.Option("--force", help="Also a version that the gate did not pass.")] = False,  # noqa: FBT002
    model_name: ModelName = "",
) -> None:
    """Make a version champion; the champion before becomes previous. Repeating it changes nothing.

    Example: fraud-model promote 3 --why "reviewed by the fraud team"
    """
    from fraud_detection.models.aliases import CHALLENGER, CHAMPION
    from fraud_detection.models.aliases import promote as promote_version
    from fraud_detection.models.registry import wait_until_ready
    from fraud_detection.models.versions import find_number

    with _registry(model_name) as (client, name):
        if to not in {CHAMPION, CHALLENGER}:
            raise ModelError(f"--to is {to!r}; expected {CHAMPION} or {CHALLENGER}")
        found = find_number(client, name, version)
        _require_passed(found, force=force)
        wait_until_ready(client, name, version)
        alias: Candidacy = CHALLENGER if to == CHALLENGER else CHAMPION
        _tell(promote_version(client, name, version, _order(by, why), alias))


@app.command()
def rollback(why: Why = "", by: By = "", model_name: ModelName = "") -> None:
    """Make the previous version champion again. Repeating it changes nothing.

    Example: fraud-model rollback --why "alerts doubled since Monday"
    """
    from fraud_detection.models.aliases import roll_back

    with _registry(model_name) as (client, name):
        _tell(roll_back(client, name, _order(by, why)))


@app.command("list")
def list_all(model_name: ModelName = "") -> None:
    """List all versions, newest first, with verdict, aliases and figures of the test week."""
    from fraud_detection.models.versions import list_versions

    with _registry(model_name) as (client, name):
        table = Table("version", "created", "verdict", "aliases", "average precision", "saving a day")
        for version in list_versions(client, name):
            figures = (_shorten(version.tags.get(key, "")) for key in SHOWN)
            created, aliases = f"{version.created:%Y-%m-%d %H:%M}", ", ".join(version.aliases)
            table.add_row(str(version.number), created, version.verdict, aliases, *figures)
        console.print(table, soft_wrap=False)


@app.command()
def show(version: Annotated[int, typer.Argument(help="Number of the version.")], model_name: ModelName = "") -> None:
    """Show what is known of one version: aliases, figures, where it comes from, who moved it when."""
    from fraud_detection.models.versions import find_number

    with _registry(model_name) as (client, name):
        found = find_number(client, name, version)
        console.print(f"{name} version {found.number}, {found.created:%Y-%m-%d %H:%M} UTC, {found.status}")
        console.print(f"aliases: {', '.join(found.aliases) or 'none'}")
        for key, value in sorted(found.tags.items()):
            console.print(f"{key}: {value}", markup=False)
        for order in found.orders:
            console.print(f"order: {order}", markup=False)


@app.command()
def reproduce(
    version: Annotated[int, typer.Argument(help="Number of the version.")], model_name: ModelName = ""
) -> None:
    """Train a version again from the tables and settings that its run records, and compare the predictions.

    Exit status 0 where every bit is equal; 1 with the first difference; 2 where that cannot be told.
    """
    import mlflow

    from fraud_detection.models.versions import find_number
    from fraud_detection.session import local_folder
    from fraud_detection.tasks.reproduce import reproduce as train_again

    with _registry(model_name) as (client, name):
        found = find_number(client, name, version)
        in_workspace = mlflow.get_tracking_uri() == "databricks"
        done = train_again(client, found.run_id, None if in_workspace else local_folder())
    for line in done.surroundings:
        console.print(f"not as it was: {line}", markup=False)
    for line in done.differences:
        console.print(line, style="red", markup=False)
    if done.differences:
        raise typer.Exit(1)
    console.print(
        f"version {version} is reproduced: {done.rows} predictions of its test week are equal to the last bit"
    )


@contextmanager
def _registry(model_name: str) -> Iterator[tuple["MlflowClient", str]]:
    """A client of the registry, and the name of the model; what is refused is told, and ends with status 2."""
    from mlflow import MlflowClient
    from mlflow.exceptions import MlflowException

    from fraud_detection.models.versions import find_model

    with told(console, MlflowException):
        client = MlflowClient()
        yield client, model_name or find_model(client)


def _order(by: str, why: str) -> "Order":
    from fraud_detection.models.aliases import Order

    return Order(by or getpass.getuser(), datetime.now(UTC), why)


def _require_passed(version: "Version", *, force: bool) -> None:
    if version.verdict != "passed" and not force:
        raise ModelError(
            f"the verdict on version {version.number} is {version.verdict!r}; expected 'passed': promote another one, "
            "or say --force and why"
        )


def _tell(change: "Change") -> None:
    if change.before == change.version:
        console.print(f"version {change.version} is {change.alias} already")
    else:
        console.print(f"version {change.version} is {change.alias} now, instead of {change.before or 'none'}")


def _shorten(figure: str) -> str:
    return f"{float(figure):.4g}" if figure else ""


if __name__ == "__main__":
    app()
