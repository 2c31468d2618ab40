"""What a task is told: the parameters of the job and of the task, as --name=value."""

import argparse
from collections.abc import Sequence
from dataclasses import dataclass, fields
from datetime import UTC, date, datetime, time

from fraud_detection.errors import ConfigurationError


@dataclass(frozen=True)
class Arguments:
    """The parameters that every task of every job understands; a job pushes all of its own to all of its tasks.

    Attributes:
        as_of: the day that counts as today: events from it on are not seen, nor labels that became known later.
        schema: of the tables; empty for the only one on this machine, in a workspace for `fraud`.
        landing: folder of the files that arrive.
        checkpoints: folder where streams keep their progress.
        engine: auto, single_node or spark.
        trials: of the hyperparameter search; 0 for none, empty for the settings'.
        replay: true to judge the lines in quarantine again, after a fix.
        settings: a YAML file with sections data, features, training, costs, gate, scoring; empty for the defaults.
        trigger: of the stream: availableNow, or how often, such as 30 seconds.
        candidate: MLflow run of the model to judge or register.
        verdict: what validate said of it.
        budget: what the experiments of a run may cost, in the ledger's currency.
        expected_cost: of one experiment, where no past one tells.
        experiment_id: of the queue; the experiment to run.
        attempt: {{task.execution_count}}, from 1.
    """

    as_of: str
    catalog: str = "spark_catalog"
    schema: str = ""
    landing: str = ".local/landing"
    checkpoints: str = ".local/checkpoints"
    experiment: str = "/local/fraud"
    model_name: str = "fraud_model"
    engine: str = "auto"
    trials: str = ""
    replay: str = "false"
    settings: str = ""
    trigger: str = "availableNow"
    candidate: str = ""
    verdict: str = ""
    budget: str = ""
    expected_cost: str = ""
    experiment_id: str = ""
    workspace_id: str = ""
    job_id: str = ""
    job_name: str = ""
    job_run_id: str = ""
    task_run_id: str = ""
    attempt: str = "1"

    @property
    def now(self) -> datetime:
        """The first moment that is not seen: midnight UTC at which the day as_of begins.

        Raises:
            ConfigurationError: as_of is no ISO date.
        """
        try:
            day = date.fromisoformat(self.as_of)
        except ValueError as error:
            raise ConfigurationError(f"--as_of is {self.as_of!r}; expected a day such as 2018-10-01") from error
        return datetime.combine(day, time(), UTC)

    def yes(self, name: str) -> bool:
        """A parameter as a boolean.

        Raises:
            ConfigurationError: it is neither true nor false.
        """
        text = str(getattr(self, name))
        if text not in {"true", "false"}:
            raise ConfigurationError(f"--{name} is {text!r}; expected true or false")
        return text == "true"

    def whole_number(self, name: str) -> int:
        """A parameter as a number; the platform passes all of them as text.

        Raises:
            ConfigurationError: it is none, or below 0.
        """
        text = str(getattr(self, name))
        if not text.isdecimal():
            raise ConfigurationError(f"--{name} is {text!r}; expected a whole number from 0")
        return int(text)


def make_parser(task: str = "task") -> argparse.ArgumentParser:
    """The parser that all tasks share; it refuses what it does not know."""
    parser = argparse.ArgumentParser(prog=task, allow_abbrev=False, description=f"The task {task} of the fraud jobs.")
    for field in fields(Arguments):
        if field.name == "as_of":
            parser.add_argument("--as_of", required=True, help="the day that counts as today, such as 2018-10-01")
        else:
            parser.add_argument(f"--{field.name}", default=field.default, help=f"default: {field.default or 'none'}")
    return parser


def parse_arguments(task: str, argv: Sequence[str] | None) -> Arguments:
    """Read the command line; without `argv`, the one that the process was started with."""
    return Arguments(**vars(make_parser(task).parse_args(argv)))
