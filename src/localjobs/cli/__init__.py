"""The command line."""

import typer

from localjobs.cli import bundles, history
from localjobs.cli.lint import lint_command
from localjobs.cli.notebook import notebook
from localjobs.cli.run import repair, run
from localjobs.cli.schedule import schedule

app = typer.Typer(
    name="localjobs",
    help="Runs the jobs of a Databricks bundle on this machine, from the bundle's own databricks.yml.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
    rich_markup_mode=None,
)
app.command()(run)
app.command()(repair)
app.command()(history.runs)
app.command()(history.show)
app.command()(history.logs)
app.command()(history.cancel)
app.command("lint")(lint_command)
app.command("resolve")(bundles.resolve_command)
app.command()(bundles.graph)
app.command()(notebook)
app.command()(schedule)
