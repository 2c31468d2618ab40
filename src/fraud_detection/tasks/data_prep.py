"""Task data_prep: landing files to bronze, silver, quarantine and gold."""

from collections.abc import Sequence

import mlflow

from fraud_detection.data.gold import refresh_gold
from fraud_detection.data.prepare import Account, prepare
from fraud_detection.tasks.context import task_context
from fraud_detection.tasks.values import set_task_values


def main(argv: Sequence[str] | None = None) -> None:
    """Take in all new files, publish their rows, and bring the aggregates of their days up to date."""
    with task_context("data_prep", argv) as context:
        arguments = context.arguments
        accounts = prepare(
            context.spark,
            arguments.landing,
            arguments.checkpoints,
            context.tables,
            context.settings.data,
            replay=arguments.yes("replay"),
        )
        refresh_gold(context.spark, context.tables)
        for account in accounts:
            mlflow.log_metrics(_counts(account) | _by_rule(account))
            set_task_values(_counts(account) | {f"{account.dataset}_rules": _told(account)})


def _counts(account: Account) -> dict[str, float]:
    counts = {"read": account.read, "silver": account.silver, "quarantined": account.quarantined}
    return {f"{account.dataset}_{name}": count for name, count in counts.items()}


def _by_rule(account: Account) -> dict[str, float]:
    kinds = {"quarantined": account.by_reason, "warned": account.warned}
    return {f"{account.dataset}.{kind}.{rule}": count for kind, rules in kinds.items() for rule, count in rules.items()}


def _told(account: Account) -> str:
    """For the page of the run; file by file the counts are in the table data_quality."""
    broken = [f"{rule} {count:,}" for rule, count in account.by_reason.items()]
    warned = [f"{rule} {count:,} (warning)" for rule, count in account.warned.items()]
    return ", ".join([*broken, *warned]) or "none broken"


if __name__ == "__main__":
    main()
