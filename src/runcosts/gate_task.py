"""Task gate_costs: stops a job before its expensive tasks when the run would pass a limit, by the ledger's table.

A cluster has neither the bundle nor its pyproject.toml, so the limits are parameters and the forecast is the median of
the job's past runs.
"""

import datetime as dt
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from statistics import median
from typing import TYPE_CHECKING

from runcosts.errors import BudgetError, SettingsError
from runcosts.session import open_session
from runcosts.task_arguments import start_task

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

    from runcosts.settings import Budget

log = logging.getLogger(__name__)
LAST = 10


@dataclass(frozen=True)
class Arguments:
    """The parameters of the task.

    Attributes:
        job_name: of the job that is judged.
        job_run_id: the run that asks, whose own attempts are no past run.
        run_limit: the most that a run may cost, in the ledger's currency; empty for no limit.
        month_limit: the most that the runs of a calendar month may cost; empty for no limit.
        expected: what a run costs, where it has a limit of its own to keep; empty for the median of past runs.
        action: fail or warn.
    """

    catalog: str = "spark_catalog"
    schema: str = "fraud"
    job_name: str = ""
    job_run_id: str = ""
    run_limit: str = ""
    month_limit: str = ""
    expected: str = ""
    action: str = "fail"

    @property
    def budget(self) -> "Budget":
        """The limits.

        Raises:
            SettingsError: there is no limit, one is no number above 0, or the action is unknown.
        """
        from runcosts.settings import ACTIONS, Budget

        if not self.run_limit and not self.month_limit:
            raise SettingsError("found neither --run_limit nor --month_limit; expected at least one")
        if self.action not in ACTIONS:
            raise SettingsError(f"--action is {self.action!r}; expected one of {', '.join(ACTIONS)}")
        return Budget(_limit(self.run_limit), _limit(self.month_limit), self.action)


def main(argv: Sequence[str] | None = None) -> None:
    """Judge the run that is under way."""
    arguments = start_task(Arguments, "gate_costs", argv, in_any_job=True)
    check_run(open_session(), arguments, dt.datetime.now(dt.UTC))


def check_run(spark: "SparkSession", arguments: Arguments, now: dt.datetime) -> None:
    """Say what was found; a job without past runs has no forecast and does not pass.

    Raises:
        BudgetError: a limit is passed, or there is no forecast, and the action is fail.
        SettingsError: a parameter makes no sense.
    """
    from pyspark.sql import functions as F

    from runcosts.budget import judge, past_runs
    from runcosts.history import plain_name
    from runcosts.ledger import ddl
    from runcosts.system_tables import open_or_make_table

    budget = arguments.budget
    rows = open_or_make_table(spark, f"{arguments.catalog}.{arguments.schema}.run_costs", ddl())
    own = rows.where(F.col("job_name").endswith(plain_name(arguments.job_name)))
    attempts = own.select("job_name", "job_run_id", "started_at", "estimated_usd").collect()  # those of one job
    runs = past_runs((row.asDict() for row in attempts if row.job_run_id != arguments.job_run_id), arguments.job_name)
    usual = median(run.cost for run in runs[-LAST:]) if runs else None
    verdict = judge(budget, _limit(arguments.expected) or usual, runs, now)
    for line in (*verdict.notes, *verdict.reasons):
        log.log(logging.INFO if verdict.passed else logging.WARNING, "%s: %s", arguments.job_name, line)
    if not verdict.passed and budget.action == "fail":
        raise BudgetError(f"{arguments.job_name}: over budget: {'; '.join(verdict.reasons)}")


def _limit(text: str) -> Decimal | None:
    if not text:
        return None
    try:
        limit = Decimal(text)
    except InvalidOperation as error:
        raise SettingsError(f"found the limit {text!r}; expected a number above 0, or nothing") from error
    if not 0 < limit < Decimal("Infinity"):
        raise SettingsError(f"found the limit {text!r}; expected a number above 0, or nothing")
    return limit


if __name__ == "__main__":
    main()
