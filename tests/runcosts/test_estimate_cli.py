"""`runcosts estimate`, on bundles in files, from a command, and on branches."""

import json
import subprocess
import sys

import pytest
from typer.testing import CliRunner

from runcosts.cli import app

RESOLVE = f"""[tool.runcosts]
resolve = "{sys.executable} resolve.py"
"""
PRINT_BUNDLE = "import sys\nassert sys.argv[1:] in ([], ['-t', 'prod'])\nprint(open('bundle.json').read())\n"


def make_bundle(workers=0, **more):
    cluster = {"node_type_id": "m5d.large", "num_workers": workers}
    task = {"task_key": "only", "new_cluster": cluster}
    schedule = {"quartz_cron_expression": "0 0 3 * * ?", "timezone_id": "UTC"}
    return {"resources": {"jobs": {"nightly": {"name": "nightly", "schedule": schedule, "tasks": [task]}, **more}}}


@pytest.fixture
def root(tmp_path):
    (tmp_path / "pyproject.toml").write_text(RESOLVE, encoding="utf-8")
    (tmp_path / "resolve.py").write_text(PRINT_BUNDLE, encoding="utf-8")
    (tmp_path / "bundle.json").write_text(json.dumps(make_bundle()), encoding="utf-8")
    return tmp_path


@pytest.fixture
def estimate(root):
    def run(*arguments, text=None):
        words = ["estimate", "--root", str(root), "--minutes", "60", *map(str, arguments)]
        return CliRunner().invoke(app, words, input=text, env={"COLUMNS": "80"})

    return run


def test_json_has_the_currency_each_task_a_run_and_a_month(estimate):
    found = json.loads(estimate("-t", "prod", "-o", "json").stdout)

    cost = {"low": 0.164, "expected": 0.164, "high": 0.164}
    assert (found["currency"], found["run"]) == ("USD", cost)
    assert [{key: task[key] for key in ("task_key", *cost)} for task in found["tasks"]] == [
        {"task_key": "only", **cost}
    ]
    assert found["month"]["expected"] == pytest.approx(0.164 * 365 / 12)


def test_a_bundle_comes_from_a_file_or_from_standard_input(estimate, root):
    (root / "other.json").write_text(json.dumps(make_bundle(workers=1)), encoding="utf-8")

    by_file = estimate("--bundle", root / "other.json", "-o", "json")
    by_input = estimate("--bundle", "-", "-o", "json", text=json.dumps(make_bundle(workers=2)))

    assert [json.loads(one.stdout)["run"]["expected"] for one in (by_file, by_input)] == [0.328, 0.492]


def test_the_table_fits_a_terminal_of_80_columns_whole(estimate):
    shown = estimate("-t", "prod").stdout

    assert max(map(len, shown.splitlines())) <= 80
    for part in ("only", "m5d.large alone", "60.0", "0.1640", "4.99", "30.4 runs", "time: assumed: 60 min"):
        assert part in shown
    assert "…" not in shown


def test_the_markdown_is_a_table_with_what_it_leaves_out(estimate, root):
    odd = {"name": "odd", "tasks": [{"task_key": "sql", "sql_task": {}}]}
    (root / "bundle.json").write_text(json.dumps(make_bundle(odd=odd)), encoding="utf-8")

    lines = estimate("-t", "prod", "-o", "markdown").stdout.splitlines()

    assert "| nightly.only | m5d.large alone | 60.0 | 0.1640 | 0.1640 | 0.1640 |" in lines
    assert "| **nightly, a month** (30.4 runs) | | | 4.99 | 4.99 | 4.99 |" in lines
    assert any(line.startswith("- left out: odd.sql: a sql_task runs on compute") for line in lines)


def test_a_saved_estimate_a_bundle_and_a_branch_are_compared_with_the_same_result(estimate, root):
    (root / "before.json").write_text(estimate("-o", "json").stdout, encoding="utf-8")
    (root / "resolved.json").write_text(json.dumps(make_bundle()), encoding="utf-8")
    git = ["git", "-C", root, "-c", "user.name=t", "-c", "user.email=t@t"]
    for words in (["init", "-q", "-b", "main"], ["add", "."], ["commit", "-q", "-m", "x"]):
        subprocess.run([*git, *words], check=True)
    (root / "bundle.json").write_text(json.dumps(make_bundle(workers=1)), encoding="utf-8")

    others = (root / "before.json", root / "resolved.json", "main")
    found = [json.loads(estimate("--compare", other, "-o", "json").stdout)["compare"]["changes"] for other in others]

    assert found[0][:2] == found[1][:2] == found[2][:2]
    assert found[0][0] == {"what": "nightly.only", "before": 0.164, "after": 0.328, "difference": 0.164}
    assert "| nightly, a run | 0.1640 | 0.3280 | +0.1640 |" in estimate("--compare", "main", "-o", "markdown").stdout
    assert "+4.99" in estimate("--compare", "main").stdout


def test_an_amount_that_nobody_can_know_has_no_difference(estimate, root):
    (root / "before.json").write_text(estimate("-o", "json").stdout, encoding="utf-8")
    bundle = make_bundle()
    bundle["resources"]["jobs"]["nightly"]["tasks"][0]["new_cluster"]["node_type_id"] = "z9.huge"
    (root / "bundle.json").write_text(json.dumps(bundle), encoding="utf-8")

    changes = json.loads(estimate("--compare", root / "before.json", "-o", "json").stdout)["compare"]["changes"]

    assert changes[0] == {"what": "nightly.only", "before": 0.164, "after": None, "difference": None}


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--job", "other"], "no job 'other' in the bundle; its jobs are: nightly"),
        (["-t", "moon"], "refused the bundle"),
        (["--bundle", "nothing.json"], "expected a resolved bundle"),
        (["--bundle", "-"], "expected the JSON of a resolved bundle"),
        (["--compare", "nothing"], "'nothing' is no file and no branch here"),
        (["--compare=--output=written"], "'--output=written' is no branch"),
    ],
)
def test_what_cannot_be_used_is_refused_with_status_2_and_a_reason(estimate, arguments, said):
    refused = estimate(*arguments)

    assert refused.exit_code == 2
    assert said in refused.stderr
    assert refused.stdout == ""
