"""`{{…}}` references, replaced when a task starts by what the run knows by then."""

import json
import re
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from localjobs.errors import TaskStartError

REFERENCE = re.compile(r"\{\{\s*([^{}\s][^{}]*?)\s*\}\}")
NAMESPACES = ("job", "task", "tasks", "workspace", "input")

_SATURDAY = 6
_TASKS_FIELDS = ("run_id", "result_state", "error_code", "execution_count", "values")
_TIME_PARTS = ("year", "month", "day", "hour", "minute", "second")
_TIME_ARGUMENTS = ("iso_date", "iso_datetime", "timestamp_ms", "iso_weekday", "is_weekday", *_TIME_PARTS)
_FIXED = (
    *("job.id", "job.name", "job.run_id", "job.repair_count", "job.trigger.type"),
    *("task.name", "task.run_id", "task.execution_count", "workspace.id", "workspace.url"),
)

Facts = Mapping[str, Any]
"""What references can name, by dotted name: `tasks.train.values.auc` → 0.98."""


def references_in(text: str) -> Iterator[str]:
    """The names that `text` refers to, in known namespaces."""
    for found in REFERENCE.finditer(text):
        if found[1].split(".")[0] in NAMESPACES:
            yield found[1]


def render(text: str, facts: Facts) -> str:
    """Replace every reference; one into a known namespace that `facts` lack is a TaskStartError."""
    return REFERENCE.sub(lambda found: _render_one(found, facts), text)


def _render_one(found: re.Match[str], facts: Facts) -> str:
    name = found[1]
    if name.split(".")[0] not in NAMESPACES:
        return found[0]
    if name in facts:
        return as_text(facts[name])
    parent = name.rpartition(".")[0]
    known = sorted(fact.removeprefix(f"{parent}.") for fact in facts if fact.startswith(f"{parent}."))
    raise TaskStartError(f"{found[0]} has no value; {parent} has: {', '.join(known) or 'nothing'}")


def as_text(value: Any) -> str:
    """A value as a reference renders it: strings bare, everything else as JSON."""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def time_facts(prefix: str, moment: datetime) -> dict[str, Any]:
    """The arguments of a time reference such as `job.start_time`; `moment` is in UTC."""
    return {
        f"{prefix}.iso_date": moment.date().isoformat(),
        f"{prefix}.iso_datetime": moment.strftime("%Y-%m-%dT%H:%M:%SZ"),
        f"{prefix}.timestamp_ms": int(moment.timestamp() * 1000),
        f"{prefix}.iso_weekday": moment.isoweekday(),
        f"{prefix}.is_weekday": moment.isoweekday() < _SATURDAY,
        **{f"{prefix}.{part}": getattr(moment, part) for part in _TIME_PARTS},
    }


def input_facts(value: Any) -> dict[str, Any]:
    """What `{{input}}` and `{{input.key}}` name in one iteration."""
    nested = value if isinstance(value, dict) else {}
    return {"input": value, **{f"input.{key}": item for key, item in nested.items()}}


def explain_unknown(name: str, parameters: set[str], task_keys: set[str], *, in_loop: bool) -> str | None:
    """Why a reference can never have a value, or None if it can."""
    head, _, rest = name.partition(".")
    if name in _FIXED or (head == "input" and in_loop):
        return None
    if head == "input":
        return "`input` exists only in the task of a for_each_task"
    if head == "tasks":
        return _explain_task(rest, task_keys)
    if name.startswith("job.parameters."):
        parameter = name.removeprefix("job.parameters.")
        return None if parameter in parameters else _unknown("job parameter", parameter, parameters)
    if name.startswith("job.start_time."):
        argument = name.removeprefix("job.start_time.")
        return None if argument in _TIME_ARGUMENTS else _unknown("time argument", argument, _TIME_ARGUMENTS)
    known = [fixed for fixed in _FIXED if fixed.startswith(f"{head}.")]
    extra = ["job.parameters.…", "job.start_time.…"] if head == "job" else []
    return _unknown("reference", name, [*known, *extra])


def _explain_task(rest: str, task_keys: set[str]) -> str | None:
    key, _, field = rest.partition(".")
    if key not in task_keys:
        return _unknown("task", key, task_keys)
    name, _, value = field.partition(".")
    if name not in _TASKS_FIELDS or (name == "values") != bool(value):
        return _unknown("field of a task", field, [*_TASKS_FIELDS[:-1], "values.…"])
    return None


def _unknown(what: str, name: str, known: Any) -> str:
    return f"no {what} {name!r}; known are: {', '.join(sorted(known)) or 'none'}"
