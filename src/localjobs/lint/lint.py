"""Lints a bundle: every job by every rule, then what is switched off is taken away."""

import json
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from localjobs.bundle.files import ROOT_FILE, load_files
from localjobs.bundle.resolve import Bundle, Request, deploy
from localjobs.bundle.source import Place, place_of
from localjobs.errors import BundleError
from localjobs.lint.findings import Finding, Subject
from localjobs.lint.rules import CHECKS, REFUSED, UNUSED_VARIABLE
from localjobs.lint.switches import apply_switches, read_switches
from localjobs.spec.parse import parse_job

_VARIABLE = re.compile(r"\$\{var\.([\w-]+)")
_PLACE = re.compile(r"^(?P<file>[^\s:]+):(?P<line>\d+): (?P<message>.*)$", re.DOTALL)


def lint(request: Request) -> list[Finding]:
    """Everything that is wrong with the bundle in one target, by file and line."""
    try:
        tree = load_files(request.root)
        bundle = deploy(replace(request, force=True))  # it is the bundle that is judged, not the branch
    except BundleError as error:
        return [_refused(error, request.root)]
    findings = [*_unused_variables(tree), *(found for key in bundle.jobs for found in _lint_job(bundle, key))]
    files = [request.root / name for name in (ROOT_FILE, *tree.get("include", []))]
    kept = apply_switches(findings, read_switches(request.root, files))
    return sorted(kept, key=lambda one: (str(one.place.file), one.place.line, one.rule.rule_id))


def _lint_job(bundle: Bundle, key: str) -> Iterator[Finding]:
    try:
        job = parse_job(key, bundle.jobs[key])
    except BundleError as error:
        yield _refused(error, bundle.root)
        return
    subject = Subject(bundle, key, job, bundle.jobs[key], bundle.tree["bundle"].get("mode"))
    for rule, check in CHECKS.items():
        for path, message in check(subject):
            yield Finding(rule, message, subject.place(path))


def _refused(error: BundleError, root: Path) -> Finding:
    """A refusal as a finding; its message begins with the place, where there is one."""
    found = _PLACE.match(str(error))
    if found is None:
        return Finding(REFUSED, str(error), Place(root / ROOT_FILE, 1))
    file = Path(found["file"])
    return Finding(
        REFUSED, found["message"], Place(file if file.is_absolute() else Path.cwd() / file, int(found["line"]))
    )


def _unused_variables(tree: dict[str, Any]) -> Iterator[Finding]:
    used = set(_VARIABLE.findall(json.dumps(tree, ensure_ascii=False)))
    for name in tree.get("variables") or {}:
        place = place_of(tree, ("variables", name))
        if name not in used and place is not None:
            yield Finding(UNUSED_VARIABLE, f"nothing refers to the variable {name}", place)
