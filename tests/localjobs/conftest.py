"""Small bundles made of literals, and a bench that runs them in real processes."""

import json
import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest

from localjobs.bundle.identity import Identity
from localjobs.bundle.resolve import Request, deploy
from localjobs.runner.drive import run_plan
from localjobs.runner.plan import make_plan
from localjobs.runner.repair import Choice, claim, make_repair
from localjobs.sinks import RecordingSink, Sinks
from localjobs.state.folders import log_file
from localjobs.state.records import Run
from localjobs.state.store import Store

FIXTURES = Path(__file__).parent / "fixtures"


def hear_nothing(_run, _task):
    """Listens to nobody."""


@dataclass
class Bench:
    """A bundle with one job in a folder of its own, and everything that is needed to run it."""

    root: Path
    sink: RecordingSink = field(default_factory=RecordingSink)

    def write(self, tasks: list[dict[str, Any]], others: dict[str, Any] | None = None, **settings: Any) -> None:
        """Write the bundle with the job `job`, and other jobs; JSON is YAML."""
        bundle = {
            "bundle": {"name": "bench"},
            "targets": {"local": {"default": True}},
            "resources": {"jobs": {"job": {"name": "the job", "tasks": tasks, **settings}, **(others or {})}},
        }
        (self.root / "databricks.yml").write_text(json.dumps(bundle))

    def run(
        self,
        tasks,
        *,
        params=None,
        only=None,
        skip=False,
        listener=hear_nothing,
        parallel=4,
        notifiers=None,
        shared_compute=False,
        **settings,
    ) -> Run:
        self.write(tasks, **settings)
        plan = make_plan(self.deploy(), "job", params or {}, only, parallel, skip_unsupported=skip)
        return run_plan(plan, Store(self.root), self.sinks(), listener, notifiers, shared_compute=shared_compute)

    def repair(
        self, run: Run, *tasks: str, dependents=False, now: list[dict[str, Any]] | None = None, **settings
    ) -> Run:
        """Repair the run; `now` are the job's current tasks."""
        if now is not None:
            self.write(now, **settings)
        store = Store(self.root)
        plan = make_repair(self.deploy(), run, Choice(tasks, dependents), 4)
        claim(store, plan)
        return run_plan(plan, store, self.sinks(), hear_nothing)

    def sinks(self) -> Sinks:
        return Sinks({"recording": lambda: lambda _root, _target: self.sink}, self.root, "local")

    def deploy(self):
        return deploy(Request(self.root, environment={}, user=Identity("tester@example.com")))

    def log(self, run: Run, task_key: str, number: int = 0) -> str:
        return log_file(self.root, run.run_id, task_key, number).read_text()


@pytest.fixture
def bench(tmp_path, monkeypatch) -> Bench:
    monkeypatch.setenv("PYTHONPATH", str(FIXTURES / "tasks"))
    return Bench(tmp_path)


@pytest.fixture(scope="module")
def plain_bench(tmp_path_factory) -> Bench:
    """A bench for several tests, whose tasks don't see those of the fixtures."""
    return Bench(tmp_path_factory.mktemp("bench"))


@pytest.fixture
def wheel():
    """Makes a task: wheel("b", "fail", after=["a"], max_retries=1)."""

    def make_task(key: str, function: str = "succeed", *args: str, after: list[str] = (), named=None, **settings: Any):
        entry = {"package_name": "demo_tasks", "entry_point": function}
        entry |= {"named_parameters": named} if named is not None else {"parameters": [str(arg) for arg in args]}
        depends_on = [{"task_key": other} for other in after]
        return {"task_key": key, "depends_on": depends_on, "python_wheel_task": entry, **settings}

    return make_task


@pytest.fixture
def condition():
    def make_condition(key: str, left: str, op: str, right: str, after: list[str] = ()):
        depends_on = [{"task_key": other} for other in after]
        return {"task_key": key, "depends_on": depends_on, "condition_task": {"left": left, "op": op, "right": right}}

    return make_condition


@pytest.fixture
def results():
    """The results of a run's tasks by key."""
    return lambda run: {task.task_key: str(task.result) for task in run.tasks}


@pytest.fixture
def cli_bundle() -> Path:
    """A bundle that the real CLI has resolved."""
    return FIXTURES / "cli"


@pytest.fixture
def hook():
    """A server that keeps what is posted to it."""
    posted = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            posted.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(500 if "broken" in self.path else 204)
            self.end_headers()

        def log_message(self, *_arguments):
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}", posted
    server.shutdown()
    thread.join()
    server.server_close()
