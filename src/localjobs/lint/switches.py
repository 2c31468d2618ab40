"""Rules that are switched off, always with a reason.

`# localjobs: off missing-retries: the endpoint retries itself` on the line of a finding switches it off there, on a
line of its own everywhere in the bundle; `[tool.localjobs.lint.off]` in pyproject.toml does the same with
`missing-retries = "…"`.
"""

import re
import tomllib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from localjobs.bundle.source import Place
from localjobs.errors import SourceError
from localjobs.lint.findings import Finding
from localjobs.lint.rules import OFF, RULES

_COMMENT = re.compile(r"^(?P<before>.*?)#\s*localjobs:\s*off\s+(?P<rule>[\w-]+)\s*(?::\s*(?P<reason>.*))?$")


@dataclass(frozen=True)
class Switch:
    """A rule that is off, everywhere or on one line."""

    rule_id: str
    reason: str
    place: Place
    everywhere: bool


def read_switches(root: Path, files: Iterable[Path]) -> list[Switch]:
    """The switches in the comments of the bundle's files, and in pyproject.toml."""
    return [*_in_project(root / "pyproject.toml"), *(switch for file in files for switch in _in_comments(file))]


def apply_switches(findings: Iterable[Finding], switches: Iterable[Switch]) -> Iterator[Finding]:
    """The findings that no switch turns off, and the switches that are wrong themselves."""
    good = [switch for switch in switches if switch.reason and switch.rule_id in RULES]
    everywhere = {switch.rule_id for switch in good if switch.everywhere}
    lines = {(switch.rule_id, switch.place) for switch in good if not switch.everywhere}
    for finding in findings:
        if finding.rule.rule_id not in everywhere and (finding.rule.rule_id, finding.place) not in lines:
            yield finding
    for switch in switches:
        if switch not in good:
            known = "" if switch.rule_id in RULES else f"; no rule has this name: {', '.join(sorted(RULES))}"
            yield Finding(OFF, f"{switch.rule_id} is switched off without a reason{known}", switch.place)


def _in_comments(file: Path) -> Iterator[Switch]:
    for number, line in enumerate(file.read_text(encoding="utf-8").splitlines(), 1):
        found = _COMMENT.match(line)
        if found:
            reason = (found["reason"] or "").strip()
            yield Switch(found["rule"], reason, Place(file, number), not found["before"].strip())


def _in_project(file: Path) -> Iterator[Switch]:
    if not file.is_file():
        return
    try:
        tool = tomllib.loads(file.read_text(encoding="utf-8")).get("tool", {})
    except tomllib.TOMLDecodeError as error:
        raise SourceError(f"{file}: not valid TOML: {error}") from error
    for rule_id, reason in tool.get("localjobs", {}).get("lint", {}).get("off", {}).items():
        yield Switch(rule_id, str(reason).strip(), Place(file, 1), everywhere=True)
