from dataclasses import replace
from pathlib import Path

from fraud_detection.tasks.arguments import Arguments
from fraud_detection.tasks.context import build_context
from fraud_detection.tasks.train import search_folder

VERSIONS = {"transaction_features": 3, "silver_labels": 5}


def test_a_retry_finds_the_search_of_the_attempt_before_and_another_input_does_not(tmp_path):
    context = build_context("train", Arguments("2018-10-01", checkpoints=str(tmp_path), attempt="1"))
    folder = search_folder(context, VERSIONS)
    assert folder.parent == Path(tmp_path) / "search"
    retry = build_context("train", Arguments("2018-10-01", checkpoints=str(tmp_path), attempt="2", task_run_id="8"))
    assert search_folder(retry, dict(reversed(VERSIONS.items()))) == folder
    training = context.settings.training
    others = [
        search_folder(context, VERSIONS | {"silver_labels": 6}),
        search_folder(build_context("train", Arguments("2018-10-02", checkpoints=str(tmp_path))), VERSIONS),
        search_folder(build_context("train", replace(context.arguments, trials="13")), VERSIONS),
        *(
            search_folder(replace(context, settings=replace(context.settings, training=other)), VERSIONS)
            for other in (replace(training, seed=1), replace(training, search_workers=2))
        ),
    ]
    assert len({folder, *others}) == 1 + len(others)
