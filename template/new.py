#!/usr/bin/env python
"""Copies this project to a folder of its own, under another name and with another mapping of columns.

python template/new.py claims --mapping settings.yml --to ../claims
"""

import argparse
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from importlib.util import find_spec
from keyword import iskeyword
from pathlib import Path

from fraud_detection.config import read_yaml
from fraud_detection.errors import FraudDetectionError
from fraud_detection.tasks.context import build_settings

ROOT = Path(__file__).parents[1]
NAME = re.compile(r"(?=.{2,14}$)[a-z](_?[a-z0-9])+")
"""What a package, a schema and, with hyphens, an app may be called; 14 characters, as an app's name has at most 30."""
WORDS_OF_YAML = ("on", "off", "yes", "no", "null", "true", "false")
"""Names that a bundle would read as something else; `y` and `n` are too short anyway."""
TAKEN = ("*", "src/*", "tests/*")
"""Where folders and modules are that a package, or the folder of its tests, would meet."""
NOT_COPIED = ("template/", "tests/template/", "docs/new-project.md")
LINES_ABOUT_IT = re.compile(r"make new|template/new\.py|new-project\.md")
"""Lines of other files that lead here: a copy is no template."""
DEPLOYED = ("databricks.yml", "resources/", "settings/", "tests/bundle/", "tests/fraud_detection/deploy/")
"""Where the word `fraud` names the project; elsewhere it is what a model looks for."""
COMMANDS = ("data", "deploy", "experiments", "features", "model", "report", "serve", "state")
ENVIRONMENTS = ("dev", "integration", "online", "production", "serving", "staging", "validate")
SETTINGS = "settings/data.yml"
CHANGELOG = "# Changelog\n\n## [Unreleased]\n"
REFUSED = 2
SHOWN = 2_000
"""Characters of a failed step's output, from its end."""


class NotPossibleError(Exception):
    """The project cannot be made as it was asked for."""


def main(argv: Sequence[str] | None = None) -> int:
    """Make the project; exit status 0, or 2 where a name, a folder or a mapping cannot be used, or a step fails."""
    arguments = parse_arguments(argv)
    folder = arguments.to or ROOT.parent / arguments.name
    try:
        check(arguments.name, folder, arguments.mapping)
        make(arguments.name, folder, arguments.mapping)
    except (NotPossibleError, FraudDetectionError) as error:
        sys.stderr.write(f"{error}\n")
        return REFUSED
    sys.stdout.write(f"{folder}\nNow: cd {folder} && make setup && make test\n")
    return 0


def parse_arguments(argv: Sequence[str] | None) -> argparse.Namespace:
    """What was asked for."""
    parser = argparse.ArgumentParser(description="Start a project of one's own from this one.")
    parser.add_argument("name", help="of the package, the bundle and the schema, such as claims")
    parser.add_argument("--mapping", type=Path, help="settings of one's data (docs/data.md)")
    parser.add_argument("--to", type=Path, help="folder that is made; without, beside this one")
    return parser.parse_args(argv)


def check(name: str, folder: Path, mapping: Path | None) -> None:
    """Refuse what would fail later.

    Raises:
        NotPossibleError: the name, or the folder.
        ConfigurationError: the settings.
    """
    if not NAME.fullmatch(name) or iskeyword(name) or name in WORDS_OF_YAML:
        raise NotPossibleError(f"the name {name!r}: expected 2 to 14 of a-z, 0-9 and _, and no word of Python or YAML")
    if find_spec(name) or name in {path.stem for pattern in TAKEN for path in ROOT.glob(pattern)}:
        raise NotPossibleError(f"the name {name!r}: expected one that no module and no folder of this project has")
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise NotPossibleError(f"{folder} is there already: name an empty folder, or one that is not there")
    if mapping:
        build_settings(read_yaml(mapping))


def make(name: str, folder: Path, mapping: Path | None) -> None:
    """Make the whole project or nothing, so that a second try is not in its own way.

    Raises:
        NotPossibleError: a step failed.
    """
    try:
        copy_project(name, folder)
        if mapping:
            set_mapping(folder, mapping)
        tidy(folder)
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise


def copy_project(name: str, folder: Path) -> None:
    """Write every file that git knows, renamed; modes stay."""
    for file in tracked_files():
        source, target = ROOT / file, folder / renamed(file, file, name)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(source, target)
        text = read_text(source)
        if text is not None:
            kept = (line for line in text.splitlines(keepends=True) if not LINES_ABOUT_IT.search(line))
            target.write_text(renamed("".join(kept), file, name), encoding="utf-8")
    (folder / "CHANGELOG.md").write_text(CHANGELOG, encoding="utf-8")


def tracked_files() -> Iterator[str]:
    """The files of this project that a copy wants."""
    listed = run_step(f"git ls-files in {ROOT}", ["git", "-C", ROOT, "ls-files", "-z"])
    for file in listed.split("\0"):
        if (ROOT / file).is_file() and not file.startswith(NOT_COPIED):
            yield file


def run_step(
    step: str, command: Sequence[str | Path], cwd: Path | None = None, env: Mapping[str, str] | None = None
) -> str:
    """What a command prints.

    Raises:
        NotPossibleError: it failed.
    """
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=cwd, env=env)
    if done.returncode:
        said = f"{done.stdout}\n{done.stderr}".strip()[-SHOWN:]
        raise NotPossibleError(f"{step} failed, and nothing was made; its output ends:\n{said}")
    return done.stdout


def read_text(file: Path) -> str | None:
    """The text of a file; None for one that holds none."""
    try:
        return file.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        return None


def renamed(text: str, file: str, name: str) -> str:
    """The text of a file, or its path, as it is in a project of that name."""
    hyphened = name.replace("_", "-")
    text = text.replace("fraud_detection", name).replace("fraud-detection", hyphened)
    text = re.sub(rf"\bfraud-(?=({'|'.join((*COMMANDS, *ENVIRONMENTS))})\b)", f"{hyphened}-", text)
    text = text.replace("fraud.lvdash", f"{name}.lvdash")
    if file.startswith(DEPLOYED) and not file.endswith(".lvdash.json"):
        text = re.sub(r"\bfraud-(?=\$\{)", f"{hyphened}-", text)
        text = re.sub(r"(\b|(?<=dev_tester_))fraud(?=\b|_staging|_serverless|_training_)", name, text)
    return text


def set_mapping(folder: Path, mapping: Path) -> None:
    """Keep the settings in the project, and name them to the jobs of all targets but the one of generated data."""
    (folder / SETTINGS).write_text(mapping.read_text(encoding="utf-8"), encoding="utf-8")
    bundle = folder / "databricks.yml"
    text = bundle.read_text(encoding="utf-8")
    named = re.sub(
        r"(  settings:\n    description: .*\n    default: )\"\"", rf"\1${{workspace.file_path}}/{SETTINGS}", text
    )
    bundle.write_text(named, encoding="utf-8")
    renew = [sys.executable, "-m", "pytest", "tests/bundle/test_golden.py", "--renew", "--quiet"]
    environment = {**os.environ, "PYTHONPATH": str(folder / "src"), "PYTHONDONTWRITEBYTECODE": "1"}
    run_step("writing the settings of its jobs", [*renew, "-p", "no:cacheprovider"], cwd=folder, env=environment)


def tidy(folder: Path) -> None:
    """Sort imports and wrap lines by the new name, and begin a repository."""
    ruff = [sys.executable, "-m", "ruff"]
    run_step("sorting imports", [*ruff, "check", "--select", "I", "--fix", "--quiet", folder])
    run_step("wrapping lines", [*ruff, "format", "--quiet", folder])
    run_step("git init", ["git", "init", "--quiet", "--initial-branch=main", folder])
    run_step("git add", ["git", "-C", folder, "add", "--all"])


if __name__ == "__main__":
    raise SystemExit(main())
