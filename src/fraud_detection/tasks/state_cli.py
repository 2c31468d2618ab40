"""`fraud-state`: what the pipeline keeps on this machine, saved in one archive and brought back."""

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import track

from fraud_detection.refusals import told

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
