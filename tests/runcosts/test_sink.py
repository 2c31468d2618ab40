"""The sink as localjobs calls it, on real Delta and real MLflow."""

import json
import subprocess
import sys
import warnings
from dataclasses import fields
from decimal import Decimal
from importlib.metadata import entry_points

import pytest
from mlflow import MlflowClient

import localjobs.sinks
from runcosts.errors import NoLedgerWarning, SettingsError, UnpricedWarning
from runcosts.local_ledger import LocalLedger
from runcosts.sink import AttemptEvent, attempt_of, make_sink

TABLE = '[tool.runcosts]\nledger = ".local/{schema}/run_costs"\ntracking_uri = "sqlite:///.local/mlflow.db"\n'


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    folder = tmp_path_factory.mktemp("bundle")
    (folder / "pyproject.toml").write_text(TABLE, encoding="utf-8")
    return folder


@pytest.fixture(scope="module")
def client(root):
    (root / ".local").mkdir(exist_ok=True)
    return MlflowClient(f"sqlite:///{root / '.local/mlflow.db'}")


@pytest.fixture
def experiment(client, request):
    return client.get_experiment(client.create_experiment(request.node.name))


def start_run(client, experiment, task_run_id, start_time=None):
    return client.create_run(experiment.experiment_id, start_time, {"task_run_id": task_run_id}).info.run_id


def rows_of(root):
    return LocalLedger(root / ".local/fraud/run_costs").rows(last=100)


def test_localjobs_finds_the_sink_by_its_entry_point():
    found = entry_points(group="localjobs.sinks", name="runcosts")

    assert [entry.load() for entry in found] == [make_sink]


def test_an_attempt_is_estimated_kept_and_returned(root, make_event):
    sink = make_sink(root, "local")

    shown = sink.attempt_finished(make_event(task_run_id="kept"))
    sink.close()

    assert shown == {"estimated_cost_usd": 0.3295, "dbu": 0.69}
    assert [float(row["estimated_usd"]) for row in rows_of(root) if row["task_run_id"] == "kept"] == [0.3295]


@pytest.mark.parametrize("state", ["FAILED", "TIMEDOUT", "CANCELED"])
def test_an_attempt_that_did_not_succeed_costs_the_same(root, make_event, state):
    shown = make_sink(root, "local").attempt_finished(make_event(task_run_id=state, result_state=state))

    assert shown["estimated_cost_usd"] == 0.3295
    assert [row["result_state"] for row in rows_of(root) if row["task_run_id"] == state] == [state]


def test_what_localjobs_sends_is_what_the_sink_reads():
    sent = {field.name for field in fields(localjobs.sinks.AttemptEvent)}

    assert set(AttemptEvent.__annotations__) <= sent


def test_ids_are_text_in_the_ledger(root, make_event):
    make_sink(root, "local").attempt_finished(make_event(job_id=1, job_run_id=2, task_run_id=345))

    row = next(row for row in rows_of(root) if row["task_run_id"] == "345")
    assert (row["job_id"], row["job_run_id"]) == ("1", "2")


def test_an_attempt_told_twice_counts_once(root, make_event):
    for _ in range(2):
        make_sink(root, "local").attempt_finished(make_event(task_run_id="twice"))

    assert len([row for row in rows_of(root) if row["task_run_id"] == "twice"]) == 1


def test_a_node_without_a_price_leaves_a_row_with_the_reason_and_a_named_warning(root, make_event):
    event = make_event(task_run_id="unpriced", compute={"node_type_id": "z9.huge"})

    with pytest.warns(UnpricedWarning, match="train: no cost estimate: no price for node type z9.huge"):
        shown = make_sink(root, "local").attempt_finished(event)

    row = next(row for row in rows_of(root) if row["task_run_id"] == "unpriced")
    assert (row["estimated_usd"], row["node_type"], row["reason"]) == (None, "z9.huge", shown["cost_reason"])
    assert "estimated_cost_usd" not in shown


def test_a_cluster_from_a_pool_has_the_nodes_that_the_bundle_declares_for_the_pool(tmp_path, make_event):
    cluster = {"instance_pool_id": "${resources.instance_pools.small.id}", "num_workers": 2}
    job = {"name": "n", "tasks": [{"task_key": "train", "new_cluster": cluster}]}
    tree = {"resources": {"jobs": {"training": job}, "instance_pools": {"small": {"node_type_id": "m5d.xlarge"}}}}
    (tmp_path / "tree.json").write_text(json.dumps(tree), encoding="utf-8")
    (tmp_path / "show.py").write_text("print(open('tree.json').read())", encoding="utf-8")
    (tmp_path / "pyproject.toml").write_text(f'{TABLE}resolve = "{sys.executable} show.py"\n', encoding="utf-8")
    deployed = cluster | {"instance_pool_id": "482219034512345"}

    shown = make_sink(tmp_path, "local").attempt_finished(make_event(compute=deployed))

    assert shown == {"estimated_cost_usd": 0.3295, "dbu": 0.69}
    (tmp_path / "tree.json").unlink()
    with pytest.warns(UnpricedWarning, match="instance pool 482219034512345 is not known: .* refused the bundle"):
        make_sink(tmp_path, "local").attempt_finished(make_event(compute=deployed))


def test_the_attempts_mlflow_run_gets_the_estimate_and_no_other_run_does(root, client, experiment, make_event):
    mine, other_attempt = start_run(client, experiment, "101"), start_run(client, experiment, "100")
    client.set_terminated(mine)
    event = make_event(task_run_id=101, attempt=1, job_parameters={"schema": "s", "experiment": experiment.name})

    make_sink(root, "local").attempt_finished(event)

    assert client.get_run(mine).data.metrics == {"estimated_cost_usd": 0.3295, "estimated_dbu": 0.69}
    assert client.get_run(mine).info.status == "FINISHED"
    assert client.get_run(other_attempt).data.metrics == {}
    assert client.get_run(other_attempt).info.status == "RUNNING"


def test_of_several_runs_of_an_attempt_the_first_gets_the_estimate_and_all_end(root, client, experiment, make_event):
    runs = [start_run(client, experiment, "several", start_time) for start_time in (2, 1)]

    make_sink(root, "local").attempt_finished(make_event(task_run_id="several"))

    found = [client.get_run(run) for run in runs]
    assert [bool(run.data.metrics) for run in found] == [False, True]
    assert [run.info.status for run in found] == ["FINISHED", "FINISHED"]


def test_a_run_that_a_kill_left_running_ends_as_failed_with_its_children(root, client, experiment, make_event):
    left = start_run(client, experiment, "killed")
    child = client.create_run(experiment.experiment_id, tags={"mlflow.parentRunId": left}).info.run_id

    make_sink(root, "local").attempt_finished(make_event(task_run_id="killed", result_state="FAILED"))

    assert [client.get_run(run).info.status for run in (left, child)] == ["FAILED", "FAILED"]
    assert client.get_run(left).data.metrics["estimated_cost_usd"] == 0.3295


def test_a_run_is_found_in_whatever_experiment_when_the_job_names_none(root, client, experiment, make_event):
    run = start_run(client, experiment, "anywhere")

    make_sink(root, "local").attempt_finished(make_event(task_run_id="anywhere"))

    assert client.get_run(run).data.metrics["estimated_dbu"] == 0.69


def test_without_an_mlflow_database_none_is_made(tmp_path, make_event):
    (tmp_path / "pyproject.toml").write_text(TABLE, encoding="utf-8")

    make_sink(tmp_path, "local").attempt_finished(make_event())

    assert not (tmp_path / ".local/mlflow.db").exists()


def test_without_settings_attempts_are_estimated_but_not_kept_and_that_is_said_once(tmp_path, make_event):
    with pytest.warns(NoLedgerWarning, match="shown, not kept"):
        sink = make_sink(tmp_path, "local")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert sink.attempt_finished(make_event())["dbu"] == 0.69

    assert list(tmp_path.iterdir()) == []


def test_settings_that_cannot_be_followed_stop_the_run_before_it_starts(tmp_path):
    (tmp_path / "pyproject.toml").write_text('[tool.runcosts]\nregoin = "x"\n', encoding="utf-8")

    with pytest.raises(SettingsError, match="regoin"):
        make_sink(tmp_path, "local")


def test_importing_the_sink_loads_neither_mlflow_nor_delta_nor_spark():
    code = "import sys, runcosts.sink; print({'mlflow', 'deltalake', 'pyspark', 'pyarrow'} & set(sys.modules))"

    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert found.stdout.strip() == "set()"


def test_what_the_runner_measured_stands_in_the_ledger(make_event):
    attempt = attempt_of(make_event())
    assert (attempt.peak_memory_mib, attempt.cpu_seconds) == (3072, Decimal("1800.0"))
    assert attempt_of(make_event(peak_memory_bytes=None, cpu_seconds=None)).peak_memory_mib is None
