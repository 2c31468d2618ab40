"""Task data_prep: landing files to bronze, silver and quarantine."""

from collections.abc import Sequence

import mlflow

from fraud_detection.data.prepare import Account, prepare
from fraud_detection.tasks.context import task_context
from fraud_detection.tasks.values import set_task_values


def main(argv: Sequence[str] | None = None) -> None:
    """Take in all new files and publish their rows."""
    with task_context("data_prep", argv) as context:
        arguments = context.arguments
        accounts = prepare(
            context.spark, arguments.landing, arguments.checkpoints, context.tables, context.settings.data
        )
        for account in accounts:
            mlflow.log_metrics(
                {f"{account.dataset}.quarantined.{name}": count for name, count in account.by_reason.items()}
            )
            mlflow.log_metrics(_counts(account))
            set_task_values(_counts(account))


def _counts(account: Account) -> dict[str, float]:
    counts = {"read": account.read, "silver": account.silver, "quarantined": account.quarantined}
    return {f"{account.dataset}_{name}": count for name, count in counts.items()}


if __name__ == "__main__":
    main()
