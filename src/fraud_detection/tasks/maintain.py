"""Task maintain: fewer, clustered files in every table, and none that nobody needs any more."""

import logging
from collections.abc import Sequence

import mlflow

from fraud_detection.tasks.context import task_context
from fraud_detection.tasks.own_tables import present_tables
from fraud_detection.tasks.values import set_task_values

log = logging.getLogger(__name__)


def main(argv: Sequence[str] | None = None) -> None:
    """Look after every table that is there. Readers are safe: files stay for data.retention_hours after their end."""
    with task_context("maintain", argv) as context:
        hours = context.settings.data.retention_hours
        present = present_tables(context)
        totals = {"tables": len(present), "added": 0, "removed": 0, "files": 0}
        for name in present:
            done = context.tables.maintain(context.spark, name, hours)
            log.info("%s: %s", name, done)
            totals |= {kind: totals[kind] + count for kind, count in done.items()}
        mlflow.log_metrics({kind: float(count) for kind, count in totals.items()})
        set_task_values(totals)


if __name__ == "__main__":
    main()
