"""Every folder with a file `command` is a case: its commands are run, and what they print is compared.

`command` has one command a line: `localjobs …`, `cp FROM TO` or `python FILE`, perhaps after `NAME=VALUE` for the
environment; `$RUN` is the id of the last run; after ` | ` stands the part of the JSON that the case is about.
`expected.json` holds what came of each. Of JSON, times, ids and empty values are left out; of standard error, only
errors and warnings are kept. `UPDATE_CASES=1 pytest tests/acceptance` writes it anew: read the difference.
"""

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from functools import reduce
from importlib.metadata import entry_points
from pathlib import Path

import pytest
from typer.testing import CliRunner

import localjobs.taskside
from localjobs.cli import app

HERE = Path(__file__).parent
CASES = sorted(file.parent for file in HERE.rglob("command"))
SESSION = HERE.parent / "localjobs" / "fixtures" / "tasks"  # its plug-in makes a session of SQLite
SEARCH = os.pathsep.join([str(HERE / "tasks"), str(SESSION), str(Path(localjobs.taskside.__file__).parent)])
LEFT_OUT = {
    *("run_id", "job_id", "job_run_id", "start_time", "end_time", "run_duration", "run_page_url", "at", "id"),
    *("run_type", "run_name", "trigger", "task_run_ids"),
}
DEFAULTS = {"run_if": "ALL_SUCCESS", "attempt_number": 0}
SINKS = "|".join(point.name for point in entry_points(group="localjobs.sinks"))
TOLD = re.compile(rf"error: |[A-Z]\w+Error: |warning: (?!({SINKS}): )")
"""Lines of standard error that are kept: what plug-ins warn of is theirs."""
WIDTH = 116


def test_there_are_cases():
    assert len(CASES) >= 60


def test_the_guide_links_every_case_to_what_it_shows():
    guide = (HERE.parents[1] / "docs" / "localjobs.md").read_text()
    linked = set(re.findall(r"\(\.\./tests/acceptance/([\w./-]+)\)", guide))
    assert linked == {case.relative_to(HERE).as_posix() for case in CASES}


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.relative_to(HERE).as_posix())
def test_a_case_gives_what_is_expected(case, tmp_path, monkeypatch):
    shutil.copytree(case, tmp_path, dirs_exist_ok=True)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PYTHONPATH", SEARCH)
    monkeypatch.setenv("LOGNAME", "tester")
    monkeypatch.setenv("COLUMNS", "300")
    found = list(run_commands(tmp_path))
    if os.environ.get("UPDATE_CASES"):
        (case / "expected.json").write_text(layout(found) + "\n")
    assert found == json.loads((case / "expected.json").read_text())


def run_commands(folder):
    run_id = ""
    for line in (folder / "command").read_text().splitlines():
        command, _, path = line.partition(" | ")
        words = shlex.split(command.replace("$RUN", run_id))
        environment = dict(word.split("=", 1) for word in words if re.match(r"^[A-Z]\w*=", word))
        words = words[len(environment) :]
        if words[0] == "cp":
            Path(words[2]).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(words[1], words[2])
            continue
        status, output, errors = call(words, environment)
        result = {"exit": status}
        if "json" in words and output:
            parsed = json.loads(output)
            run_id = str(parsed.get("run_id", run_id))
            result["json"] = simplify(pick(parsed, path), folder)
        elif output:
            result["stdout"] = [clean(line, folder) for line in output.splitlines()]
        told = [clean(line, folder) for line in errors.splitlines() if TOLD.match(line)]
        yield {**result, **({"stderr": told} if told else {})}


def call(words, environment):
    if words[0] == "python":
        done = subprocess.run([sys.executable, *words[1:]], capture_output=True, text=True, check=False)
        return done.returncode, done.stdout, done.stderr
    done = CliRunner().invoke(app, words[1:], env=environment)
    if done.exception is not None and not isinstance(done.exception, SystemExit):
        raise done.exception
    return done.exit_code, done.stdout, done.stderr


def pick(value, path):
    """The part at a dotted path; `*` stands for every entry of a list."""
    for number, step in enumerate(steps := path.split(".") if path else []):
        if step == "*":
            return [pick(item, ".".join(steps[number + 1 :])) for item in value]
        value = value[int(step)] if isinstance(value, list) else value.get(step, "<absent>")
    return value


def simplify(value, folder):
    if isinstance(value, dict):
        kept = {key: simplify(item, folder) for key, item in value.items() if key not in LEFT_OUT}
        return {key: item for key, item in kept.items() if item not in ("", [], {}, None) and DEFAULTS.get(key) != item}
    if isinstance(value, list):
        return [simplify(item, folder) for item in value]
    return clean(value, folder) if isinstance(value, str) else value


def clean(text, folder):
    changes = ((re.escape(str(folder)), "<bundle>"), (r"\b\d{15}\b", "<id>"), (r"\b\d+\.\d+ s\b", "<time>"))
    return reduce(lambda done, change: re.sub(*change, done), changes, text)


def layout(value, indent=0):
    """JSON with whatever fits on a line on one line."""
    line = json.dumps(value, ensure_ascii=False)
    if len(line) + indent <= WIDTH or not isinstance(value, dict | list) or not value:
        return line
    inner, end = " " * (indent + 1), " " * indent
    if isinstance(value, dict):
        parts = [f"{inner}{json.dumps(key)}: {layout(item, indent + 1)}" for key, item in value.items()]
        return "{\n" + ",\n".join(parts) + f"\n{end}}}"
    return "[\n" + ",\n".join(inner + layout(item, indent + 1) for item in value) + f"\n{end}]"
