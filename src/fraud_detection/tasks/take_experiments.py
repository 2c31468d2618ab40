"""Task take: as many experiments of the queue as the budget of this run pays for."""

import logging
from collections.abc import Sequence
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation

from pyspark.sql import functions as F

from fraud_detection.errors import ConfigurationError
from fraud_detection.schemas import RUN_COSTS
from fraud_detection.tasks import experiment_queue as queue
from fraud_detection.tasks.context import Context, task_context
from fraud_detection.tasks.values import set_task_values
from runcosts.batch import affordable, choose_batch, usual_cost

TASK = "experiment"

log = logging.getLogger(__name__)


def main(argv: Sequence[str] | None = None) -> None:
    """What runs before left behind goes back first; a retry of this task takes what it had, and no more."""
    with task_context("take", argv) as context:
        spark, tables, run, now = context.spark, context.tables, context.arguments.job_run_id, datetime.now(UTC)
        queue.ensure_queue(spark, tables)
        left = queue.settle(spark, tables, now)
        room = affordable(read_amount(context, "budget"), cost_of_one(context))
        had = queue.taken_by(spark, tables, run)
        chosen = choose_batch(had, queue.waiting(spark, tables, room), room)
        batch = queue.take(spark, tables, run, chosen, now)
        log.info("left behind by earlier runs: %s", left or "nothing")
        set_task_values({"experiments": batch, "taken": len(batch), "affordable": room})


def cost_of_one(context: Context) -> Decimal:
    """As past experiments cost in the ledger; else as the parameter states.

    Raises:
        ConfigurationError: neither is known, so no number of them keeps a budget.
    """
    arguments = context.arguments
    past: Decimal | None = None
    if context.tables.exists(context.spark, RUN_COSTS):
        rows = context.tables.read(context.spark, RUN_COSTS).where(F.col("task_key") == TASK)
        last = rows.orderBy(F.col("ended_at").desc()).limit(100).collect()  # as many as are limited to
        past = usual_cost([row.asDict() for row in last], arguments.job_name, TASK)
    return past or read_amount(context, "expected_cost")


def read_amount(context: Context, name: str) -> Decimal:
    """A parameter as an amount of money.

    Raises:
        ConfigurationError: it is no number above 0.
    """
    text = str(getattr(context.arguments, name))
    try:
        amount = Decimal(text)
    except InvalidOperation as error:
        raise ConfigurationError(f"--{name} is {text!r}; expected a number above 0") from error
    if not 0 < amount < Decimal("Infinity"):
        raise ConfigurationError(f"--{name} is {text!r}; expected a number above 0")
    return amount


if __name__ == "__main__":
    main()
