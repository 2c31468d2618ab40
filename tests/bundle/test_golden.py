"""Every setting of every job, target by target, as one line in `golden/`: what a change of the bundle changes is seen.

`prod.txt` holds production's; the others hold what differs from it. After a change that is meant:
`.venv/bin/python -m pytest tests/bundle/test_golden.py --renew`.
"""

import json
from pathlib import Path

import pytest

GOLDEN = Path(__file__).parent / "golden"
KEYS = ("task_key", "job_cluster_key", "environment_key", "environment_variables_key", "name")


def lines_of(value, path=""):
    """Each value with the way to it; entries of lists by their key, where they have one."""
    if isinstance(value, dict) and value:
        for key, item in value.items():
            yield from lines_of(item, f"{path}.{key}" if path else key)
    elif isinstance(value, list) and value:
        for index, item in enumerate(value):
            key = next((item[name] for name in KEYS if isinstance(item, dict) and name in item), index)
            yield from lines_of(item, f"{path}[{key}]")
    else:
        yield f"{path} = {json.dumps(value, ensure_ascii=False)}"


@pytest.fixture
def settings(resolved):
    """The lines of a target, without the commit; what is kept in the target's folder is no difference."""

    def read(target):
        tree = resolved(target)
        folder = tree["workspace"]["root_path"]
        lines = lines_of(tree["resources"]["jobs"])
        return {line.replace(folder, "${workspace.root_path}") for line in lines if "GIT_COMMIT" not in line}

    return read


@pytest.fixture
def golden(settings, target):
    if target == "prod":
        return sorted(settings("prod"))
    here, production = settings(target), settings("prod")
    return sorted(
        [f"- {line}" for line in production - here] + [f"+ {line}" for line in here - production], key=by_setting
    )


def by_setting(line):
    return line[2:].partition(" = ")[0], line


def test_the_jobs_are_what_they_were_or_the_change_is_shown(golden, target, request):
    file = GOLDEN / f"{target}.txt"
    text = "".join(f"{line}\n" for line in golden)
    if request.config.getoption("renew", default=False):
        file.write_text(text, encoding="utf-8")

    assert text.splitlines() == file.read_text(encoding="utf-8").splitlines(), "if it is meant: pytest … --renew"


def test_there_is_a_file_for_each_target_and_no_other(resolved):
    targets = {file.stem for file in GOLDEN.glob("*.txt")}

    assert {"local", "prod"} <= targets
    assert all(resolved(target)["bundle"]["target"] == target for target in targets)
