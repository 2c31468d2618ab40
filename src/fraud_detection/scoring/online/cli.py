"""`fraud-serve`: scores transactions as they happen, over HTTP."""

import logging
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated

import typer
from rich.console import Console

from fraud_detection.refusals import told

WORKER = "fraud_detection.scoring.online.launch:make_worker"
START_SECONDS = 60  # what a worker loads takes longer than the five seconds that are usual, where cores are few

app = typer.Typer(no_args_is_help=True, add_completion=False, rich_markup_mode=None, help=__doc__)
console = Console(soft_wrap=True, highlight=False)

SettingsFile = Annotated[
    str, typer.Option("--settings", help="A YAML file with the sections features, serving and scoring.")
]


@app.command()
def run(
    settings: SettingsFile = "",
    port: Annotated[int, typer.Option(help="On this machine; an app on Databricks is told its own.")] = 8000,
    workers: Annotated[int, typer.Option(help="Processes; 0 for what the settings say.")] = 0,
    model_name: Annotated[str, typer.Option(help="catalog.schema.name; without, the only model.")] = "",
    as_of: Annotated[str, typer.Option(help="The day that counts as today, for data of the past.")] = "",
) -> None:
    """Start the app; FRAUD_SERVE_TOKEN holds the token that callers must show.

    Example: FRAUD_SERVE_TOKEN=$(openssl rand -hex 32) fraud-serve run --as-of 2018-10-01
    """
    from fraud_detection.scoring.online.credentials import read_tokens
    from fraud_detection.scoring.online.launch import (
        LOG_FORMAT,
        Options,
        address,
        load_settings,
        make_clock,
        pass_on,
    )

    logging.basicConfig(level=logging.INFO, format=LOG_FORMAT)
    with told(console):
        read_tokens()
        make_clock(as_of)
        serving = load_settings(settings).serving
    host, own_port = address(port)
    pass_on(Options(settings, model_name, as_of))
    # One thread a worker: the rows of a request are too few to share, and waiting threads would spin.
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    _serve(host, own_port, workers or serving.workers, serving.shutdown_seconds)


@app.command()
def fill(
    settings: SettingsFile = "",
    catalog: Annotated[str, typer.Option(help="Of the tables, on a cluster of Databricks, which reads by Spark.")] = "",
    schema: Annotated[str, typer.Option(help="Of the tables; without, the only one of the warehouse.")] = "",
) -> None:
    """Fill the store of histories from the tables of features and labels; repeating it changes nothing.

    Example: fraud-serve fill
    """
    with told(console):
        held = _fill_by_spark(catalog, schema, settings) if catalog else _fill_here(schema, settings)
    console.print(f"the store holds {held:,} transactions")


@app.command()
def erase(customer: Annotated[str, typer.Argument(help="customer_id")], settings: SettingsFile = "") -> None:
    """Remove all that the store holds of a customer.

    Example: fraud-serve erase C000042
    """
    from fraud_detection.scoring.online import filling

    with told(console):
        gone = filling.erase(customer, settings)
    console.print(f"{gone:,} transactions are removed")


def _serve(host: str, port: int, processes: int, shutdown_seconds: int) -> None:
    import uvicorn

    with _shared_metrics(processes):
        uvicorn.run(
            WORKER,
            factory=True,
            host=host,
            port=port,
            workers=processes,
            loop="uvloop",
            http="httptools",
            access_log=False,
            server_header=False,
            timeout_graceful_shutdown=shutdown_seconds,
            timeout_worker_healthcheck=START_SECONDS,
        )


def _fill_here(schema: str, settings: str) -> int:
    from fraud_detection.scoring.online import filling
    from fraud_detection.scoring.online.launch import local_folder

    return filling.fill_from_delta(filling.find_tables(local_folder() / "warehouse", schema), settings)


def _fill_by_spark(catalog: str, schema: str, settings: str) -> int:
    from fraud_detection.scoring.online import filling
    from fraud_detection.scoring.online.launch import local_folder
    from fraud_detection.session import get_session, in_workspace
    from fraud_detection.tables import Tables

    warehouse = local_folder() / "warehouse"
    tables = Tables(catalog, schema, None if in_workspace() else warehouse)
    return filling.fill_from_spark(get_session(warehouse), tables, settings)


@contextmanager
def _shared_metrics(processes: int) -> Iterator[None]:
    """Where several workers add up their figures; one worker keeps them to itself."""
    if processes == 1:
        yield
        return
    from fraud_detection.scoring.online.metrics import SHARED_FOLDER

    with tempfile.TemporaryDirectory(prefix="fraud-serve-") as folder:
        os.environ[SHARED_FOLDER] = folder
        yield


if __name__ == "__main__":
    app()
