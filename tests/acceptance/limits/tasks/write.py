"""Writes a bundle whose job has one task more than the 1,000 that a job may have."""

import json
from pathlib import Path

TASK = {"python_wheel_task": {"package_name": "steps", "entry_point": "ok"}}
TASKS = [{"task_key": f"t{number}", **TASK} for number in range(1001)]
Path("databricks.yml").write_text(
    json.dumps({"bundle": {"name": "case"}, "resources": {"jobs": {"job": {"tasks": TASKS}}}})
)
