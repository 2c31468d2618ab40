"""A server on loopback that speaks the Jobs API 2.2: what is created there, localjobs runs.

The tasks' own work is left out: a stand-in of the wheel, with the same entry points, writes down what it was told.
"""

import json
import threading
from collections import Counter
from contextlib import closing
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.metadata import distribution
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

import pytest
from databricks.sdk import WorkspaceClient
from databricks.sdk.core import Config
from databricks.sdk.service.jobs import JobSettings

from localjobs.api import as_api
from localjobs.bundle.resolve import Bundle
from localjobs.runner.drive import run_plan
from localjobs.runner.plan import make_plan
from localjobs.runner.repair import Choice, claim, make_repair
from localjobs.sinks import Sinks
from localjobs.state.store import Store

STAND_IN = Path(__file__).with_name("stand_in.py")
ONLY_IN_BUNDLES = {"permissions", "lifecycle", "id"}


class Refused(Exception):  # noqa: N818 - an answer, no fault
    """What the API answers instead."""

    def __init__(self, status, code, message):
        super().__init__(message)
        self.status, self.code = status, code


class Jobs:
    """The jobs of a workspace and their runs."""

    def __init__(self, root, wheel):
        self.root, self.wheel = root, wheel
        self.settings, self.threads = {}, []

    def store(self):
        return Store(self.root)

    def bundle(self):
        jobs = {f"job_{number}": {**settings, "id": str(number)} for number, settings in self.settings.items()}
        tree = {"bundle": {"name": "workspace", "target": "api"}, "resources": {"jobs": jobs}}
        return Bundle(self.root, "workspace", "api", tree)

    def known(self, number):
        if number not in self.settings:
            raise Refused(400, "INVALID_PARAMETER_VALUE", f"Job {number} does not exist.")
        return self.settings[number]

    def create(self, body):
        if JobSettings.from_dict(body).as_dict() != body:
            raise Refused(400, "MALFORMED_REQUEST", "the settings have a field that no job has")
        number = 1000 + len(self.settings)
        self.settings[number] = body
        return {"job_id": number}

    def get(self, query):
        number = int(query["job_id"])
        return {"job_id": number, "settings": self.known(number)}

    def list(self, _query):
        return {"jobs": [{"job_id": number, "settings": one} for number, one in self.settings.items()]}

    def reset(self, body):
        self.known(body["job_id"])
        self.settings[body["job_id"]] = body["new_settings"]
        return {}

    def delete(self, body):
        self.known(body["job_id"])
        del self.settings[body["job_id"]]
        return {}

    def run_now(self, body):
        self.known(body["job_id"])
        plan = make_plan(self.bundle(), f"job_{body['job_id']}", body.get("job_parameters", {}), None, 4)
        self.store().save_run(plan.run)
        self.start(plan)
        return {"run_id": plan.run.run_id, "number_in_job": plan.run.run_id}

    def start(self, plan):
        work = threading.Thread(target=self.carry_out, args=(plan.with_search((self.wheel,)),))
        self.threads.append(work)
        work.start()

    def carry_out(self, plan):
        with closing(self.store()) as store:
            run_plan(plan, store, Sinks({}, self.root, "api"), lambda _run, _task: None)

    def run(self, number):
        if number not in self.store().run_ids():
            raise Refused(400, "INVALID_PARAMETER_VALUE", f"Run {number} does not exist.")
        return self.store().load(number)

    def get_run(self, query):
        answer = as_api(self.run(int(query["run_id"])), self.store())
        return answer if query.get("include_history") == "true" else answer | {"repair_history": []}

    def cancel(self, body):
        self.run(body["run_id"])
        self.store().request_cancel(body["run_id"])
        return {}

    def repair(self, body):
        run = self.run(body["run_id"])
        latest = run.repairs[-1].repair_id if run.repairs else None
        if body.get("latest_repair_id") != latest:
            raise Refused(400, "INVALID_PARAMETER_VALUE", f"latest_repair_id has to be {latest}")
        chosen = Choice(tuple(body.get("rerun_tasks", ())), body.get("rerun_dependent_tasks", False))
        plan = make_repair(self.bundle(), run, chosen, 4)
        claim(self.store(), plan)
        self.start(plan)
        return {"repair_id": plan.run.repairs[-1].repair_id}


ROUTES = {
    ("POST", "create"): Jobs.create,
    ("GET", "get"): Jobs.get,
    ("GET", "list"): Jobs.list,
    ("POST", "reset"): Jobs.reset,
    ("POST", "delete"): Jobs.delete,
    ("POST", "run-now"): Jobs.run_now,
    ("GET", "runs/get"): Jobs.get_run,
    ("POST", "runs/cancel"): Jobs.cancel,
    ("POST", "runs/repair"): Jobs.repair,
}


class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        address = urlsplit(self.path)
        route = ROUTES.get((self.command, address.path.removeprefix("/api/2.2/jobs/")))
        length = int(self.headers.get("Content-Length") or 0)
        given = json.loads(self.rfile.read(length)) if length else dict(parse_qsl(address.query))
        if route is None:
            return self.answer(404, {"error_code": "ENDPOINT_NOT_FOUND", "message": f"no API at {address.path}"})
        try:
            self.answer(200, route(self.server.jobs, given))
        except Refused as refused:
            self.answer(refused.status, {"error_code": refused.code, "message": str(refused)})

    do_POST = do_GET  # noqa: N815 - the name of http.server

    def answer(self, status, content):
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.end_headers()
        self.wfile.write(json.dumps(content).encode())

    def log_message(self, *_):
        pass


@pytest.fixture
def wheel(tmp_path):
    """The folder of a wheel that is unpacked: the entry points of the real one, each led to the stand-in."""
    folder = tmp_path / "wheel"
    metadata = folder / "fraud_detection-0.dist-info"
    metadata.mkdir(parents=True)
    names = [entry.name for entry in distribution("fraud_detection").entry_points if entry.group == "console_scripts"]
    lines = ["[console_scripts]", *(f"{name} = stand_in:work" for name in names)]
    (metadata / "entry_points.txt").write_text("\n".join(lines), encoding="utf-8")
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: fraud-detection\nVersion: 0\n", encoding="utf-8")
    (folder / "stand_in.py").write_text(STAND_IN.read_text(encoding="utf-8"), encoding="utf-8")
    return folder


@pytest.fixture
def order(wheel):
    """Tells an entry point what to do: order("validate", fail=True), order("train", values={…})."""
    orders = {}

    def give(entry_point, **wanted):
        orders[entry_point] = wanted
        (wheel / "orders.json").write_text(json.dumps(orders), encoding="utf-8")

    return give


@pytest.fixture
def told(wheel):
    """What each entry point was told, by name; and how often each one ran."""

    def read():
        file = wheel / "told.jsonl"
        lines = [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]
        times = Counter(name for name, _ in lines)
        return {name: dict(word.removeprefix("--").split("=", 1) for word in words) for name, words in lines}, times

    return read


@pytest.fixture
def jobs_api(tmp_path, wheel):
    """The server; when the test ends, so do the runs that it left."""
    root = tmp_path / "workspace"
    root.mkdir()
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.jobs = Jobs(root, wheel)
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        yield server
        for run in server.jobs.store().unfinished():
            server.jobs.store().request_cancel(run.run_id)
        for work in server.jobs.threads:
            work.join(30)
        server.shutdown()


@pytest.fixture
def client(jobs_api):
    host = f"http://127.0.0.1:{jobs_api.server_port}"
    return WorkspaceClient(config=Config(host=host, token="a", auth_type="pat", retry_timeout_seconds=5))  # noqa: S106


@pytest.fixture
def as_settings(deployed):
    """A job of a target as the bundle defines it; `ids` are those that its run_job tasks point at."""

    def settings(target, key, ids=None):
        job = {k: v for k, v in deployed(target)["resources"]["jobs"][key].items() if k not in ONLY_IN_BUNDLES}
        text = json.dumps(job)
        for other, number in (ids or {}).items():
            text = text.replace(
                f'"job_id": "{deployed(target)["resources"]["jobs"][other]["id"]}"', f'"job_id": {number}'
            )
        return JobSettings.from_dict(json.loads(text))

    return settings


@pytest.fixture
def create(client, as_settings):
    """Creates a job of a target as the bundle defines it, with those that it starts; gives its id."""

    def make(target, key, ids=None, *, retries=True):
        settings = as_settings(target, key, ids)
        for task in settings.tasks or () if not retries else ():
            task.max_retries = 0  # a minute lies between two attempts
        return client.jobs.create(**settings.as_shallow_dict()).job_id

    return make
