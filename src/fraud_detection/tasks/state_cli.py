"""`fraud-state`: what the pipeline keeps on this machine, saved in one archive and brought back."""

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import track

from fraud_detection.refusals import told
from fraud_detection.tasks.arguments import Arguments

DEFAULTS = Arguments(as_of="")

app = typer.Typer(no_args_is_help=True, add_completion=False, rich_markup_mode=None, help=__doc__)
console = Console(soft_wrap=True, highlight=False)

Archive = Annotated[Path, typer.Argument(help="The archive, a tar file.")]
Catalog = Annotated[str, typer.Option(help="Catalog of the tables.")]
Schema = Annotated[str, typer.Option(help="Schema of the tables; without, the only one here.")]


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
def rekey(catalog: Catalog = DEFAULTS.catalog, schema: Schema = DEFAULTS.schema) -> None:
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


@app.command()
def erase(
    customers: Annotated[list[str], typer.Argument(help="Ids of customers, or numbers of cards.")],
    landing: Annotated[str, typer.Option(help="Folder of the files that arrived.")] = DEFAULTS.landing,
    checkpoints: Annotated[str, typer.Option(help="Folder of the streams' progress.")] = DEFAULTS.checkpoints,
    settings: Annotated[str, typer.Option(help="A settings file; without, the defaults.")] = DEFAULTS.settings,
    catalog: Catalog = DEFAULTS.catalog,
    schema: Schema = DEFAULTS.schema,
) -> None:
    """Forget customers: in landing files, tables and all their former versions, and the online store.

    With no job, stream or app running. A call that is cut is made again. After it build features and train anew.

    Example: fraud-state erase C000042 C000043
    """
    from fraud_detection.data.erasure import erase as forget
    from fraud_detection.scoring.online.filling import erase as forget_online
    from fraud_detection.tasks.context import build_context
    from fraud_detection.tasks.own_tables import present_tables

    arguments = Arguments(as_of="", catalog=catalog, schema=schema, landing=landing, settings=settings)
    asked = [customer.strip() for customer in customers]
    with told(console):
        context = build_context("erase", arguments)
        names = present_tables(context)
        told_of = forget(context.spark, context.tables, context.settings.data, asked, landing, checkpoints, names)
        for place, count in told_of:
            console.print(f"{place}: {count:,} taken out")
        online = sum(forget_online(customer, settings) for customer in asked)
    console.print(f"the online store: {online:,} taken out")
    console.print("former versions of the tables are gone")
