"""`fraud-state`: what the pipeline keeps on this machine, saved in one archive and brought back."""

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import track

from fraud_detection.refusals import told
from fraud_detection.tasks.arguments import Arguments

DEFAULTS = Arguments(as_of="")

app = typer.Typer(no_args_is_help=True, add_completion=False, help=__doc__)
console = Console(soft_wrap=True, highlight=False)

Archive = Annotated[Path, typer.Argument(help="The archive, a tar file.")]


@app.command()
def backup(archive: Archive) -> None:
    """Save tables, registry, ledger, checkpoints and the online store; jobs may go on meanwhile.

    Example: fraud-state backup ../fraud-2018-10-01.tar
    """
    from fraud_detection.backup import back_up
    from fraud_detection.session import local_folder

    with told(console):
        count = sum(1 for _ in track(back_up(local_folder(), archive), "saving files", console=console, transient=True))
    console.print(f"{count:,} files of {local_folder()} are in {archive}, {archive.stat().st_size / 1e6:,.1f} MB")


@app.command()
def restore(archive: Archive) -> None:
    """Bring back what was saved, with no job running; what is there now is kept beside it.

    Example: fraud-state restore ../fraud-2018-10-01.tar
    """
    from fraud_detection.backup import read_manifest
    from fraud_detection.backup import restore as bring_back
    from fraud_detection.session import local_folder

    with told(console):
        manifest = read_manifest(archive)
        kept = bring_back(archive, local_folder())
    console.print(f"{local_folder()} is as it was at {manifest.made_at}: {len(manifest.files):,} files")
    if kept:
        console.print(f"what was there is in {kept}; remove it when nobody needs it any more")


@app.command()
def rekey(
    catalog: Annotated[str, typer.Option(help="Catalog of the tables.")] = DEFAULTS.catalog,
    schema: Annotated[str, typer.Option(help="Schema of the tables.")] = DEFAULTS.schema,
) -> None:
    """Bring the tokens of card numbers to the newest key of FRAUD_CARD_KEYS, with no job running.

    A call that is cut is made again. After it build features, and fill the online store.

    Example: FRAUD_CARD_KEYS=OLD,NEW fraud-state rekey
    """
    from fraud_detection.data.rekey import rekey as bring_to_newest_key
    from fraud_detection.tasks.context import build_context
    from fraud_detection.tasks.own_tables import present_tables

    with told(console):
        context = build_context("rekey", Arguments(as_of="", catalog=catalog, schema=schema))
        for name, had_older in bring_to_newest_key(context.spark, context.tables, present_tables(context)):
            console.print(f"{name}: {'written again' if had_older else 'no older token'}")
