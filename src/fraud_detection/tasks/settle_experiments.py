"""Task settle: what came of the experiments that this run took; those without a result wait again."""

import logging
from collections.abc import Sequence
from datetime import UTC, datetime

from fraud_detection.tasks import experiment_queue as queue
from fraud_detection.tasks.context import task_context
from fraud_detection.tasks.values import set_task_values

log = logging.getLogger(__name__)


def main(argv: Sequence[str] | None = None) -> None:
    """It runs whatever became of the loop; if it cannot, the next run does the same once the hours are over."""
    with task_context("settle", argv) as context:
        queue.ensure_queue(context.spark, context.tables)
        found = queue.settle(context.spark, context.tables, datetime.now(UTC), context.arguments.job_run_id)
        set_task_values({state: found.get(state, 0) for state in ("done", "waiting", "failed")})


if __name__ == "__main__":
    main()
