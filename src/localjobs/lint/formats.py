"""Findings as text, JSON and SARIF 2.1.0."""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from localjobs.lint.findings import Finding
from localjobs.lint.rules import RULES


def as_text(findings: Iterable[Finding]) -> str:
    """One line a finding: where, which rule, what, why, and the mend."""
    return "\n".join(
        f"{one.where}: {one.rule.rule_id}: {one.message}; {one.rule.why}. Mend: {one.rule.mend}." for one in findings
    )


def as_json(findings: Iterable[Finding], root: Path) -> str:
    """A list of objects."""
    return json.dumps([_object(one, root) for one in findings], indent=2, ensure_ascii=False)


def _object(finding: Finding, root: Path) -> dict[str, Any]:
    rule = finding.rule
    what = {"rule": rule.rule_id, "message": finding.message, "why": rule.why, "mend": rule.mend}
    return {"file": _relative(finding, root), "line": finding.place.line, **what}


def as_sarif(findings: Iterable[Finding], root: Path) -> str:
    """What code-scanning services read."""
    rules = [
        {"id": rule.rule_id, "shortDescription": {"text": rule.why}, "help": {"text": rule.mend}}
        for rule in RULES.values()
    ]
    run = {
        "tool": {"driver": {"name": "localjobs", "rules": rules}},
        "results": [_result(one, root) for one in findings],
    }
    schema = "https://json.schemastore.org/sarif-2.1.0.json"
    return json.dumps({"$schema": schema, "version": "2.1.0", "runs": [run]}, indent=2, ensure_ascii=False)


def _result(finding: Finding, root: Path) -> dict[str, Any]:
    location = {
        "artifactLocation": {"uri": _relative(finding, root)},
        "region": {"startLine": finding.place.line},
    }
    return {
        "ruleId": finding.rule.rule_id,
        "level": "error",
        "message": {"text": f"{finding.message}. {finding.rule.mend}"},
        "locations": [{"physicalLocation": location}],
    }


def _relative(finding: Finding, root: Path) -> str:
    file = finding.place.file
    return file.relative_to(root).as_posix() if file.is_relative_to(root) else file.as_posix()
