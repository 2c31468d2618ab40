"""The entry points of the tasks: options are judged, and --help is answered, before Spark and MLflow are imported."""

from functools import partial
from importlib import import_module

from fraud_detection.tasks.arguments import parse_arguments


def start(task: str) -> None:
    """Run the task of that name with the options of this process."""
    parse_arguments(task, None)
    import_module(f"fraud_detection.tasks.{task}").main()


data_prep = partial(start, "data_prep")
feature_build = partial(start, "feature_build")
train = partial(start, "train")
validate = partial(start, "validate")
register = partial(start, "register")
score = partial(start, "score")
score_stream = partial(start, "score_stream")
maintain = partial(start, "maintain")
monitor = partial(start, "monitor")
take_experiments = partial(start, "take_experiments")
run_experiment = partial(start, "run_experiment")
settle_experiments = partial(start, "settle_experiments")
