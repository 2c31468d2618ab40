"""`localjobs notebook`: notebooks that run here, each to a page."""

from pathlib import Path
from typing import Annotated

import typer

from localjobs.cli.console import EXIT_NOT_SUCCESSFUL, EXIT_REFUSED, output_console, progress_console
from localjobs.cli.options import parse_pairs
from localjobs.errors import BundleError

Files = Annotated[list[Path], typer.Argument(help="Notebooks: Databricks source files or Jupyter files.")]
Params = Annotated[list[str] | None, typer.Option("--params", metavar="NAME=VALUE", help="Values of widgets.")]
Out = Annotated[Path, typer.Option(help="Folder for the pages.")]


def notebook(files: Files, params: Params = None, out: Out = Path(".local/notebooks")) -> None:
    """Run notebooks in this process, one after another, and write what each shows to a page.

    Exit status: 0, 1 when a notebook fails, 2 when there is no such notebook.

    Example: localjobs notebook notebooks/explore_transactions.py --params schema=fraud
    """
    try:
        parameters = parse_pairs("--params", params)
    except BundleError as error:
        progress_console().print(f"error: {error}", style="red", markup=False, soft_wrap=True)
        raise typer.Exit(EXIT_REFUSED) from error
    missing = [str(file) for file in files if not file.is_file()]
    if missing:
        progress_console().print(f"error: there is no notebook {', '.join(missing)}", style="red", soft_wrap=True)
        raise typer.Exit(EXIT_REFUSED)
    out.mkdir(parents=True, exist_ok=True)
    ended = [write_page(file, parameters, out / f"{file.stem}.html") for file in files]
    if not all(ended):
        raise typer.Exit(EXIT_NOT_SUCCESSFUL)


def write_page(file: Path, parameters: dict[str, str], page_file: Path) -> bool:
    """Run one notebook; its page is written also where it fails, up to there. Whether it came to its end."""
    from localjobs.report.notebook_page import Page

    page, console = Page(file.stem), progress_console()
    try:
        page.run(file.resolve(), parameters)
    except Exception as error:  # noqa: BLE001 - whatever the user's own program raises is told and fails the command
        console.print(f"{file}: {type(error).__name__}: {error}", style="red", markup=False, soft_wrap=True)
        return False
    finally:
        page_file.write_text(page.render(), encoding="utf-8")
        output_console().print(f"page: {page_file}", soft_wrap=True)
    return True
