import json
import zipfile

import pytest

from localjobs.errors import BundleError
from localjobs.runner.wheels import provide_wheels

MAKE_WHEEL = """
import sys, zipfile
from pathlib import Path
Path("dist").mkdir(exist_ok=True)
Path("builds.txt").open("a").write("x")
with zipfile.ZipFile("dist/own-1.0-py3-none-any.whl", "w") as wheel:
    wheel.write("src/own.py", "own.py")
    wheel.writestr("own-1.0.dist-info/METADATA", "Name: own\\nVersion: 1.0\\n")
    wheel.writestr("own-1.0.dist-info/entry_points.txt", "[console_scripts]\\nmain = own:main\\n")
"""


@pytest.fixture
def bundle(bench):
    """Writes a bundle with a wheel and a task that comes from it."""

    def write(build="python make_wheel.py", word="wheel"):
        (bench.root / "src").mkdir(exist_ok=True)
        (bench.root / "src" / "own.py").write_text(f"def main():\n    print({word!r}, __file__)\n")
        (bench.root / "make_wheel.py").write_text(MAKE_WHEEL)
        wheel = {"package_name": "own", "entry_point": "main"}
        content = {
            "bundle": {"name": "b"},
            "artifacts": {"own": {"type": "whl", "path": ".", "build": build}},
            "resources": {"jobs": {"job": {"tasks": [{"task_key": "a", "python_wheel_task": wheel}]}}},
        }
        (bench.root / "databricks.yml").write_text(json.dumps(content))
        return bench.deploy()

    return write


def test_tasks_run_from_the_built_wheel(bench, bundle, localjobs):
    bundle()
    done = localjobs("run", "job", "-o", "json")
    assert done.returncode == 0, done.stderr
    printed = localjobs("logs", json.loads(done.stdout)["run_id"], "a").stdout
    assert printed.startswith(f"wheel {bench.root}/.databricks/localjobs/wheels/own/")


def test_from_source_builds_nothing(bench, bundle, localjobs):
    bundle()
    assert localjobs("run", "job", "--from-source").returncode == 1
    assert not (bench.root / "builds.txt").exists()


def test_a_wheel_is_built_again_only_when_its_sources_change(bench, bundle):
    first = provide_wheels(bundle())
    assert provide_wheels(bench.deploy()) == first
    assert (bench.root / "builds.txt").read_text() == "x"
    second = provide_wheels(bundle(word="other"))
    assert second != first
    assert "other" in (second[0] / "own.py").read_text()


@pytest.mark.parametrize(
    ("build", "message"),
    [
        ("python -c 'raise SystemExit(3)'", "ended with status 3"),
        ("make wheel && true", "needs a shell"),
        ("python -c pass", "no wheel at"),
    ],
)
def test_a_wheel_that_cannot_be_built_is_refused(bundle, build, message):
    with pytest.raises(BundleError, match=message):
        provide_wheels(bundle(build))


def test_an_entry_that_leaves_the_folder_is_kept_inside(bench, bundle):
    resolved = bundle("")
    (bench.root / "dist").mkdir()
    with zipfile.ZipFile(bench.root / "dist" / "own-1.0-py3-none-any.whl", "w") as wheel:
        wheel.writestr("../../evil.py", "")
    folder = provide_wheels(resolved)[0]
    assert (folder / "evil.py").exists()
