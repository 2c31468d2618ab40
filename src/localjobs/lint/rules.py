"""All rules, with why each one matters and what mends it."""

from collections.abc import Mapping

from localjobs.lint import checks_of_code as code
from localjobs.lint import checks_of_runs as runs
from localjobs.lint import checks_of_settings as settings
from localjobs.lint.findings import Check, Rule

REFUSED = Rule("refused", "the CLI or Databricks would refuse the bundle", "mend what the message says")
UNUSED_VARIABLE = Rule("unused-variable", "whoever sets it believes that it does something", "use it or take it away")
OFF = Rule("off-without-reason", "nobody can tell later whether it may be switched on again", "give a reason after it")

_CHECKS: tuple[tuple[Check, str, str, str], ...] = (
    (settings.broken_graph, "broken-graph", "the CLI deploys it, the job never runs", "mend what the message says"),
    (settings.unknown_reference, "unknown-reference", "the task fails when it starts", "name what exists"),
    (settings.value_not_upstream, "value-not-upstream", "the value need not be there yet", "add it to depends_on"),
    (settings.unreachable_task, "unreachable-task", "one answer always excludes it", "set run_if, or split the task"),
    (settings.unused_parameter, "unused-parameter", "whoever sets it believes that it does something", "pass it on"),
    (settings.unpinned_library, "unpinned-library", "another day's run gets another version", "pin it with =="),
    (settings.secret_in_parameters, "secret-in-parameters", "parameters are shown to all who see the job",
     "read it from a secret scope in the task"),
    (code.missing_entry_point, "missing-entry-point", "the task fails when it starts", "declare it in pyproject.toml"),
    (code.unknown_argument, "unknown-argument", "argparse ends the task with status 2", "add it to the parser"),
    (runs.missing_timeout, "missing-timeout", "a task that hangs is paid for until somebody sees it",
     "set timeout_seconds"),
    (runs.missing_retries, "missing-retries", "a lost spot machine fails the run", "set max_retries, if only to 0"),
    (runs.missing_notification, "missing-notification", "failures stay unseen", "set email_notifications.on_failure"),
    (runs.missing_cost_tag, "missing-cost-tag", "nobody can tell whose cost it is", "tag the job with its cost centre"),
    (runs.all_purpose_compute, "all-purpose-in-production", "it costs more than job compute and outlives the run",
     "use a job cluster"),
    (runs.bad_cron, "bad-cron", "the CLI accepts it, Databricks does not", "write a quartz expression"),
    (runs.unpaused_in_development, "unpaused-in-development", "every developer's copy starts by itself",
     "leave pause_status to the mode"),
    (runs.missing_concurrency, "missing-concurrency", "the sources disagree on the default", "set concurrency"),
    (runs.missing_spark_version, "missing-spark-version", "the CLI accepts it, Databricks does not",
     "set spark_version"),
    (runs.job_cluster_autotermination, "job-cluster-autotermination", "job clusters end with the run and refuse it",
     "take it away"),
)  # fmt: skip

CHECKS: Mapping[Rule, Check] = {Rule(rule_id, why, mend): check for check, rule_id, why, mend in _CHECKS}
RULES: Mapping[str, Rule] = {rule.rule_id: rule for rule in (*CHECKS, REFUSED, UNUSED_VARIABLE, OFF)}
