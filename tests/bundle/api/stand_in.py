"""Stands in for every task: writes down what it was told, and does what orders.json says of it."""

import json
import sys
import time
from pathlib import Path

HERE = Path(__file__).parent


def work():
    name = sys.argv[0]
    with (HERE / "told.jsonl").open("a", encoding="utf-8") as told:
        told.write(json.dumps([name, sys.argv[1:]]) + "\n")
    orders = HERE / "orders.json"
    order = json.loads(orders.read_text(encoding="utf-8")).get(name, {}) if orders.exists() else {}
    time.sleep(order.get("seconds", 0))
    for key, value in order.get("values", {}).items():
        from databricks.sdk.runtime import dbutils  # noqa: PLC0415 - outside of a job it would want a workspace

        dbutils.jobs.taskValues.set(key=key, value=value)
    if order.get("fail"):
        raise RuntimeError("it was told to fail")
