"""Every rule finds its fault at its line, and nothing in a job without faults."""

import pytest

from localjobs.bundle.identity import Identity
from localjobs.bundle.resolve import Request
from localjobs.lint.lint import lint
from localjobs.lint.rules import RULES

GOOD = """
bundle: {name: case}
variables: {who: {default: ops@example.com}}
targets: {dev: {mode: development, default: true}, prod: {mode: production}}
resources:
  jobs:
    job:
      tags: {cost_center: risk}
      email_notifications: {on_failure: ["${var.who}"]}
      schedule: {quartz_cron_expression: 0 30 2 * * ?, timezone_id: Europe/Berlin}
      parameters: [{name: day, default: "1"}]
      job_clusters:
        - {job_cluster_key: c, new_cluster: {spark_version: 18.x-scala2.13, num_workers: 1}}
      tasks:
        - task_key: a
          job_cluster_key: c
          timeout_seconds: 60
          max_retries: 0
          python_wheel_task: {package_name: own, entry_point: main, named_parameters: {size: "3"}}
        - task_key: q
          depends_on: [{task_key: a}]
          condition_task: {op: EQUAL_TO, left: "{{tasks.a.values.x}}", right: "1"}
        - task_key: each
          depends_on: [{task_key: q, outcome: "true"}]
          for_each_task:
            inputs: "[1]"
            concurrency: 2
            task:
              task_key: one
              timeout_seconds: 60
              max_retries: 0
              libraries: [{pypi: {package: six==1.17.0}}]
              spark_python_task: {python_file: /x.py, parameters: ["{{input}}"]}
"""
PROJECT = '[project]\nname = "own"\n[project.scripts]\nmain = "own.cli:main"\n'
PARSER = 'from own import options\ndef main():\n    parser.add_argument("--size", type=int)\n'
FAULTS = [
    ("missing-timeout", "timeout_seconds: 60", "", 14),
    ("missing-retries", "max_retries: 0", "", 14),
    ("missing-notification", 'email_notifications: {on_failure: ["${var.who}"]}', 'description: "${var.who}"', 6),
    ("missing-cost-tag", "cost_center: risk", "colour: red", 6),
    ("bad-cron", "0 30 2 * * ?", "0 30 2 * * *", 9),
    ("bad-cron", "Europe/Berlin", "Europe/Atlantis", 9),
    ("unpaused-in-development", "timezone_id: Europe/Berlin", "timezone_id: UTC, pause_status: UNPAUSED", 9),
    ("missing-spark-version", "spark_version: 18.x-scala2.13, ", "", 12),
    ("job-cluster-autotermination", "num_workers: 1", "num_workers: 1, autotermination_minutes: 10", 12),
    ("missing-concurrency", "concurrency: 2", "", 24),
    ("broken-graph", "depends_on: [{task_key: a}]", "depends_on: [{task_key: gone}]", 20),
    ("broken-graph", "job_cluster_key: c\n", "job_cluster_key: d\n", 15),
    ("unknown-reference", "{{tasks.a.values.x}}", "{{tasks.z.values.x}}", 21),
    ("value-not-upstream", "depends_on: [{task_key: a}]", "", 21),
    ("value-not-upstream", "{{input}}", "{{tasks.free.run_id}}", 32),
    ("unreachable-task", "[{task_key: q, o", '[{task_key: q, outcome: "false"}, {task_key: q, o', 22),
    ("unused-parameter", 'named_parameters: {size: "3"}', 'parameters: ["3"]', 10),
    ("unused-variable", '["${var.who}"]', "[x@example.com]", 2),
    ("unpinned-library", "six==1.17.0", "six>=1", 31),
    ("secret-in-parameters", 'name: day, default: "1"', "name: db_password, default: hunter2", 10),
    ("secret-in-parameters", 'size: "3"', 'size: "{{secrets/s/k}}"', 14),
    ("secret-in-parameters", "{{input}}", "--token=abc", 27),
    ("missing-entry-point", "entry_point: main", "entry_point: other", 18),
    ("unknown-argument", 'size: "3"', 'sizes: "3"', 18),
    ("refused", "max_retries: 0", "max_retrys: 0", 17),
    ("refused", "${var.who}", "${var.whom}", 8),
    ("refused", "bundle: {name: case}", "bundle: {name: case", 2),
]  # fmt: skip


@pytest.fixture
def check(tmp_path):
    """Lints a bundle; the rules with their lines."""

    def run(text, target=None):
        package = tmp_path / "src" / "own"
        package.mkdir(parents=True, exist_ok=True)
        (package / "cli.py").write_text(PARSER)
        (package / "options.py").write_text('def add(parser):\n    parser.add_argument("--day")\n')
        (tmp_path / "databricks.yml").write_text(text.lstrip())
        if not (tmp_path / "pyproject.toml").exists():
            (tmp_path / "pyproject.toml").write_text(PROJECT)
        return lint(Request(tmp_path, target, environment={}, user=Identity("tester@example.com")))

    return run


def found(findings):
    return {(one.rule.rule_id, one.place.line) for one in findings}


def test_a_job_without_faults_gives_no_findings(check):
    assert check(GOOD) == []
    assert check(GOOD, "prod") == []


@pytest.mark.parametrize(("rule", "good", "bad", "line"), FAULTS)
def test_a_rule_finds_its_fault_at_its_line(check, rule, good, bad, line):
    assert good in GOOD
    extra = "        - {task_key: free, condition_task: {op: EQUAL_TO, left: a, right: b}}\n"
    findings = check((GOOD + extra).replace(good, bad))
    assert rule in {one.rule.rule_id for one in findings}
    near = {one.place.line for one in findings if one.rule.rule_id == rule}
    assert line in near, [(one.rule.rule_id, one.where, one.message) for one in findings]


def test_all_purpose_compute_is_for_development_only(check):
    text = GOOD.replace("job_cluster_key: c\n", "existing_cluster_id: abc\n")
    assert found(check(text)) == set()
    assert {rule for rule, _ in found(check(text, "prod"))} == {"all-purpose-in-production"}


@pytest.mark.parametrize(
    "parser",
    [
        PARSER.replace('"--size"', 'f"--{name}"'),
        "def main():\n    parser.add_argument('--x')\n    parser.parse_known_args()\n",
        "def main(): ...\n",
    ],
)
def test_a_parser_that_cannot_be_read_is_not_judged(check, parser, tmp_path):
    (tmp_path / "src" / "own").mkdir(parents=True)
    (tmp_path / "src" / "own" / "other.py").write_text(parser)
    (tmp_path / "pyproject.toml").write_text(PROJECT.replace("own.cli", "own.other"))
    assert "unknown-argument" not in {rule for rule, _ in found(check(GOOD.replace('size: "3"', 'sizes: "3"')))}


OF_FIELDS = """
from dataclasses import dataclass, fields
@dataclass
class Arguments:
    day: str
    size: int = 1
    known: ClassVar[int] = 2
def main():
    for field in fields(Arguments):
        parser.add_argument(f"--{field.name}", default=field.default)
"""


@pytest.mark.parametrize(
    ("parser", "named", "judged"),
    [
        (OF_FIELDS, "size", []),
        (OF_FIELDS, "sizes", ["the parser of main does not know --sizes"]),
        (OF_FIELDS, "known", ["the parser of main does not know --known"]),
        (OF_FIELDS.replace("class Arguments:", "class Arguments(Others):"), "sizes", []),
        (OF_FIELDS.replace("fields(Arguments)", "others(Arguments)"), "sizes", []),
        (OF_FIELDS.replace("field.name}", "field.name.lower()}"), "sizes", []),
        (OF_FIELDS.replace("field.name}", "field.name!r}"), "sizes", []),
    ],
)
def test_options_that_are_the_fields_of_a_dataclass_are_read(check, tmp_path, parser, named, judged):
    (tmp_path / "src" / "own").mkdir(parents=True)
    (tmp_path / "src" / "own" / "fields.py").write_text(parser)
    (tmp_path / "pyproject.toml").write_text(PROJECT.replace("own.cli", "own.fields"))
    findings = check(GOOD.replace('size: "3"', f'{named}: "3"'))
    assert [one.message for one in findings if one.rule.rule_id == "unknown-argument"] == judged


def test_every_line_of_a_requirements_file_is_pinned(check, tmp_path):
    (tmp_path / "requirements.txt").write_text(
        "# needed\n--extra-index-url https://example.com\nsix==1.17.0 \\\n    --hash=sha256:ab # six\nrich>=14\n"
    )
    findings = check(GOOD.replace("{pypi: {package: six==1.17.0}}", "{requirements: requirements.txt}"))
    assert [one.message for one in findings] == ["task one installs 'rich>=14' without =="]


def test_every_rule_is_tested():
    assert {rule for rule, *_ in FAULTS} | {"all-purpose-in-production", "off-without-reason"} == set(RULES)


HERE = "- task_key: a # localjobs: off missing-timeout: it is quick\n"
EVERYWHERE = "# localjobs: off missing-timeout: all are quick\n"


@pytest.mark.parametrize(
    "text",
    [
        GOOD.replace("- task_key: a\n", HERE).replace("timeout_seconds: 60", "", 1),
        EVERYWHERE + GOOD.replace("timeout_seconds: 60", "").lstrip(),
    ],
)
def test_a_comment_with_a_reason_switches_a_rule_off(check, text):
    assert check(text) == []


def test_a_comment_on_a_line_switches_off_that_line_only(check):
    text = GOOD.replace("- task_key: a\n", "- task_key: a # localjobs: off missing-timeout: quick\n")
    assert found(check(text.replace("timeout_seconds: 60", ""))) == {("missing-timeout", 27)}


def test_pyproject_switches_a_rule_off(check, tmp_path):
    (tmp_path / "pyproject.toml").write_text(PROJECT + '[tool.localjobs.lint.off]\nmissing-timeout = "all are quick"\n')
    assert check(GOOD.replace("timeout_seconds: 60", "")) == []


@pytest.mark.parametrize("comment", ["# localjobs: off missing-timeout", "# localjobs: off mising-timeout: a slip"])
def test_a_switch_without_a_reason_or_a_rule_is_a_finding_itself(check, comment):
    findings = check(comment + "\n" + GOOD.replace("timeout_seconds: 60", "").lstrip())
    assert {rule for rule, _ in found(findings)} == {"off-without-reason", "missing-timeout"}
