"""Dated remarks, such as deployments, and what runs cost before and after each."""

import datetime as dt
import subprocess
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from statistics import median

from runcosts.errors import SettingsError
from runcosts.report.facts import Facts

GIT = "git"
TAGS = ("git", "tag", "--format=%(creatordate:short) %(refname:short)")


@dataclass(frozen=True)
class Mark:
    """A day on which something changed."""

    day: dt.date
    text: str


@dataclass(frozen=True)
class Effect:
    """The median cost of a job's runs between the mark before and this one, and until the next; None without runs."""

    mark: Mark
    job: str
    before: Decimal | None
    after: Decimal | None

    @property
    def change(self) -> Decimal | None:
        """As a share of what it was."""
        return None if not self.before or self.after is None else self.after / self.before - 1


def read_marks(root: Path, setting: str | None) -> list[Mark]:
    """By the setting: none, the tags of the repository ("git"), or a TOML file of `day = "text"`.

    Raises:
        SettingsError: there is no such file, it is no TOML, or a key of it is no day.
    """
    if setting is None:
        return []
    if setting == GIT:
        done = subprocess.run(TAGS, cwd=root, capture_output=True, text=True, check=False)  # noqa: S603 - fixed words
        if done.returncode:
            raise SettingsError(f"[tool.runcosts] marks = 'git', but {root.resolve()}: {done.stderr.strip()}")
        lines = [line.split(" ", 1) for line in done.stdout.splitlines()]
        return sorted((Mark(dt.date.fromisoformat(day), text) for day, text in lines), key=lambda mark: mark.day)
    return _read_file(root / setting)


def _read_file(file: Path) -> list[Mark]:
    try:
        table = tomllib.loads(file.read_text(encoding="utf-8"))
        marks = [Mark(dt.date.fromisoformat(day), str(text)) for day, text in table.items()]
    except (OSError, ValueError) as error:
        raise SettingsError(f'{file}: expected lines such as 2026-11-20 = "smaller nodes", found: {error}') from error
    return sorted(marks, key=lambda mark: mark.day)


def effects(facts: Facts, marks: Sequence[Mark]) -> list[Effect]:
    """What each mark of the period did to each job; runs of the mark's own day are on neither side."""
    shown = [mark for mark in marks if facts.first <= mark.day <= facts.last]
    edges = [facts.first - dt.timedelta(days=1), *(mark.day for mark in shown), facts.last + dt.timedelta(days=1)]
    return [
        Effect(mark, job, _usual(facts, job, edges[index], mark.day), _usual(facts, job, mark.day, edges[index + 2]))
        for index, mark in enumerate(shown)
        for job in facts.jobs
    ]


def _usual(facts: Facts, job: str, after: dt.date, before: dt.date) -> Decimal | None:
    begun: dict[str, dt.date] = {}
    runs: dict[str, Decimal] = {}
    for cost in facts.costs:
        if cost.job == job:
            begun[cost.run] = min(cost.day, begun.get(cost.run, cost.day))
            runs[cost.run] = runs.get(cost.run, Decimal(0)) + cost.amount
    found = [amount for run, amount in runs.items() if after < begun[run] < before]
    return median(found) if found else None
