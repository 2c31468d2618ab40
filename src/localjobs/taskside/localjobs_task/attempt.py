"""The files that a task's process shares with its runner."""

import json
import os
from pathlib import Path
from typing import Any

CONTEXT_VARIABLE = "LOCALJOBS_TASK_CONTEXT"

CONTEXT_FILE = "context.json"
RESULT_FILE = "result.json"
VALUES_FILE = "values.json"


def read_context() -> dict[str, Any] | None:
    """What the runner says about this attempt; None outside a task."""
    file = os.environ.get(CONTEXT_VARIABLE)
    return read_json(Path(file)) if file else None


def attempt_folder() -> Path:
    """The folder of this attempt."""
    return Path(os.environ[CONTEXT_VARIABLE]).parent


def read_json(file: Path) -> dict[str, Any]:
    """The object in `file`."""
    found: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    return found


def write_json(file: Path, value: object) -> None:
    """Write whole or not at all."""
    draft = file.with_suffix(".tmp")
    draft.write_text(json.dumps(value, ensure_ascii=False), encoding="utf-8")
    draft.replace(file)
