"""The command `runcosts rightsize`, on a ledger that a runner wrote."""

import json

import pytest
from typer.testing import CliRunner

from runcosts.cli import app
from runcosts.local_ledger import LocalLedger

NODE = {"node_type_id": "r5d.xlarge", "is_single_node": True, "num_workers": 0, "spark_version": "18.x-scala2.13"}


@pytest.fixture
def run(tmp_path, make_row):
    """A bundle of two tasks, of which one was measured: 1,000 s, 500 of them of a processor, 1,024 MiB."""
    (tmp_path / "pyproject.toml").write_text('[tool.runcosts]\nledger = "w/{schema}/run_costs"\n', encoding="utf-8")
    clusters = [{"job_cluster_key": key, "new_cluster": NODE} for key in ("a", "b")]
    tasks = [{"task_key": "a", "job_cluster_key": "a"}, {"task_key": "b", "job_cluster_key": "b"}]
    jobs = {"nightly": {"name": "nightly", "job_clusters": clusters, "tasks": tasks}}
    (tmp_path / "bundle.json").write_text(json.dumps({"resources": {"jobs": jobs}}), encoding="utf-8")
    row = make_row(job_name="[dev me] nightly", task_key="a", peak_memory_mib=1024, cpu_seconds=600)
    LocalLedger(tmp_path / "w/fraud/run_costs").write([row])
    options = ["--root", str(tmp_path), "--bundle", str(tmp_path / "bundle.json")]
    return lambda *more: CliRunner().invoke(app, ["rightsize", *options, *more])


def test_a_measured_task_gets_a_node_with_the_reasoning_and_what_is_not_known(run):
    told = json.loads(run("-o", "json").output)
    measured, other = told["tasks"]
    # 1.07 GB and 4.8 GB of the platform's own, x 1.2: 7.05 of the 8 GB of m5d.large. 20 minutes of .423 - .164 an hour.
    assert measured["better"]["node_type"] == "m5d.large"
    assert measured["saving"] == pytest.approx(0.259 / 3, abs=1e-6)
    assert "0.5 of 4 cores were busy on average (1 attempt (local))" in measured["reasons"]
    assert "swap, disk and network are not known" in measured["unknown"]
    assert other["better"] is None
    assert other["reason"].startswith("no past runs")


def test_the_table_shows_both_clusters_and_the_saving(run):
    text = run().output
    assert all(part in text for part in ("r5d.xlarge alone", "m5d.large alone", "0.0863", "not known:"))


def test_an_unknown_job_is_refused(run):
    refused = run("--job", "other")
    assert refused.exit_code == 2
    assert "its jobs are: nightly" in refused.output
