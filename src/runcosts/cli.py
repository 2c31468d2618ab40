"""The command runcosts."""

import typer

from runcosts.breakeven_cli import breakeven
from runcosts.budget_cli import alert, gate
from runcosts.estimate_cli import estimate_costs
from runcosts.ledger_cli import show_ledger
from runcosts.plan_cli import plan
from runcosts.prices_cli import app as prices_app
from runcosts.report_cli import report
from runcosts.rightsize_cli import rightsize

app = typer.Typer(no_args_is_help=True, help="What the runs of a bundle's jobs cost.", rich_markup_mode=None)
app.add_typer(prices_app, name="prices")
app.command("estimate", epilog="Example: runcosts estimate -t prod --compare main -o markdown")(estimate_costs)
app.command("ledger", epilog="Example: runcosts ledger --last 5")(show_ledger)
app.command("report", epilog="Example: runcosts report --out costs.html --days 14")(report)
app.command("rightsize", epilog="Example: runcosts rightsize -t prod --job training")(rightsize)
app.command("plan", epilog="Example: runcosts plan -t prod --from 2026-12-07")(plan)
app.command("breakeven", epilog="Example: runcosts breakeven quote.toml --job training -t prod")(breakeven)
app.command("gate", epilog="Example: runcosts gate --job training -t prod")(gate)
app.command("alert", epilog="Example: runcosts alert --job-name 'fraud training'")(alert)
