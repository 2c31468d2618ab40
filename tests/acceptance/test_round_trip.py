"""What `localjobs resolve` prints is what `databricks bundle validate -o json` prints, wherever the CLI can be asked.

The CLI asks its workspace who the user is and writes nothing to it; docs/localjobs.md says what it needs.
"""

import contextlib
import json
import shutil
import subprocess
from collections.abc import Iterator
from itertools import zip_longest
from pathlib import Path
from typing import Any

import pytest

from localjobs.bundle.files import load_files
from localjobs.bundle.identity import Identity
from localjobs.bundle.resolve import Request, resolve
from localjobs.errors import BundleError

HERE = Path(__file__).parent
PROJECT = HERE.parents[1]
RECORDED = HERE.parent / "localjobs" / "fixtures" / "cli"
BUNDLES = sorted(file.parent for file in HERE.rglob("databricks.yml"))
NOT_COMPARED = {
    "bundle.databricks_cli_version": "which CLI was asked",
    "bundle.git.inferred": "whether the branch was set or found: releases of the CLI differ in where they say so",
    "bundle.terraform": "where the CLI keeps the program that deploys",
    "resources.dashboards.*.serialized_dashboard": "the content of a file that no job needs",
    "workspace.auth_type": "how the CLI reached its workspace",
    "workspace.current_user": "whatever the workspace knows of its user: groups, addresses, roles",
    "workspace.host": "which workspace was asked",
    "workspace.profile": "how the CLI reached its workspace",
}
"""Paths that are left out of the comparison, each with the reason; `*` stands for one step."""
ABSENT = "<absent>"
DASHBOARD = {"resources": {"dashboards": {"d": {}}}}


def differences(ours: Any, theirs: Any, path: tuple[str, ...] = ()) -> Iterator[str]:
    """Every path at which two resolved bundles differ, with both values."""
    if any(_matches(path, pattern.split(".")) for pattern in NOT_COMPARED):
        return
    if isinstance(ours, dict) and isinstance(theirs, dict):
        for key in sorted({*ours, *theirs}):
            yield from differences(ours.get(key, ABSENT), theirs.get(key, ABSENT), (*path, key))
    elif isinstance(ours, list) and isinstance(theirs, list):
        for index, (one, other) in enumerate(zip_longest(ours, theirs, fillvalue=ABSENT)):
            yield from differences(one, other, (*path, str(index)))
    elif ours != theirs or isinstance(ours, bool) != isinstance(theirs, bool):
        yield f"{'.'.join(path)}: localjobs has {json.dumps(ours)}, the CLI {json.dumps(theirs)}"


def compare(cli: str, folder: Path, target: str) -> list[str]:
    """How what localjobs and the CLI make of a bundle differs."""
    command = [cli, "bundle", "validate", "-t", target, "-o", "json"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False, timeout=120)
    if done.returncode != 0:
        return [f"the CLI refuses it: {done.stderr}"]
    theirs = json.loads(done.stdout)
    user = theirs["workspace"]["current_user"]
    identity = Identity(user["userName"], user["id"])
    return list(differences(resolve(Request(folder, target, user=identity)).tree, theirs))


def _matches(path, pattern):
    return len(path) == len(pattern) and all(step in {"*", key} for key, step in zip(path, pattern, strict=True))


@pytest.mark.parametrize(
    ("ours", "theirs", "found"),
    [
        (DASHBOARD, {"resources": {"dashboards": {"d": {"serialized_dashboard": "{}"}}}}, []),
        (DASHBOARD, {"resources": {"dashboards": {"d": 1}}}, ["resources.dashboards.d: localjobs has {}, the CLI 1"]),
        ({"a": [1, {"b": None}]}, {"a": [1, {"b": None}]}, []),
        ({"a": 1}, {"a": 2}, ["a: localjobs has 1, the CLI 2"]),
        ({"a": "1"}, {"a": 1}, ['a: localjobs has "1", the CLI 1']),
        ({"a": True}, {"a": 1}, ["a: localjobs has true, the CLI 1"]),
        ({}, {"a": {"b": 1}}, ['a: localjobs has "<absent>", the CLI {"b": 1}']),
        ({"a": None}, {}, ['a: localjobs has null, the CLI "<absent>"']),
        ({"a": [1]}, {"a": [1, 2]}, ['a.1: localjobs has "<absent>", the CLI 2']),
        ({"a": [1, 2]}, {"a": [2, 1]}, ["a.0: localjobs has 1, the CLI 2", "a.1: localjobs has 2, the CLI 1"]),
        ({"a": {"0": 1}}, {"a": [1]}, ['a: localjobs has {"0": 1}, the CLI [1]']),
        ({"workspace": {"current_user": {"id": "0"}}}, {"workspace": {"current_user": {"id": "7"}}}, []),
        ({"workspace": {"host_": "x"}}, {"workspace": {}}, ['workspace.host_: localjobs has "x", the CLI "<absent>"']),
    ],
)
def test_a_difference_is_named_by_its_path_and_what_only_a_workspace_knows_is_none(ours, theirs, found):
    assert list(differences(ours, theirs)) == found


@pytest.fixture
def recording(tmp_path):
    """A program that prints what the real CLI printed of a bundle, and a copy of that bundle outside a checkout."""
    program = tmp_path / "databricks"
    program.write_text('#!/bin/sh\nsed "s|BUNDLE_ROOT|$PWD|" resolved.$4.json\n')
    program.chmod(0o755)
    return str(program), shutil.copytree(RECORDED, tmp_path / "bundle")


@pytest.mark.parametrize("target", ["local", "dev", "prod"])
def test_a_bundle_is_compared_with_what_the_cli_printed_of_it(recording, target):
    program, folder = recording
    assert compare(program, folder, target) == []
    file = folder / f"resolved.{target}.json"
    text = file.read_text()
    assert '"CAN_VIEW"' in text or '"PAUSED"' in text
    file.write_text(text.replace('"CAN_VIEW"', '"CAN_SEE"').replace('"PAUSED"', '"ASLEEP"'))
    assert compare(program, folder, target)
    file.unlink()
    assert compare(program, folder, target)[0].startswith("the CLI refuses it: sed: ")


@pytest.fixture(scope="session")
def cli() -> str:
    """The CLI, if it is there and reaches a workspace."""
    program = shutil.which("databricks")
    if program is None:
        pytest.skip("not checked: no `databricks` binary on the path")
    done = subprocess.run([program, "current-user", "me"], capture_output=True, text=True, check=False, timeout=60)
    if done.returncode != 0:
        pytest.skip(f"not checked: `databricks current-user me` says {done.stderr.strip()}")
    return program


@pytest.mark.parametrize("target", sorted(load_files(PROJECT)["targets"]))
def test_this_bundle_resolves_to_what_the_cli_makes_of_it(cli, target):
    assert compare(cli, PROJECT, target) == []


def test_the_bundles_of_the_cases_resolve_to_what_the_cli_makes_of_them(cli, tmp_path):
    assert len(BUNDLES) >= 60
    found = {f"{name} -t {target}": compare(cli, folder, target) for name, folder, target in _resolving(tmp_path)}
    assert {name: differing for name, differing in found.items() if differing} == {}


def _resolving(folder):
    """Copies of the cases' bundles, with each target in which localjobs can resolve them."""
    for bundle in BUNDLES:
        name = bundle.relative_to(HERE).as_posix()
        copy = shutil.copytree(bundle, folder / name)
        with contextlib.suppress(BundleError):  # these are cases of what is refused
            for target in load_files(copy).get("targets") or ["default"]:
                resolve(Request(copy, target))
                yield name, copy, target


def test_most_bundles_of_the_cases_resolve(tmp_path):
    assert len({name for name, *_ in _resolving(tmp_path)}) > len(BUNDLES) * 0.8
