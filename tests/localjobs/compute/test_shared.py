"""Tasks on a shared Spark Connect server: a real one, in a JVM of its own."""

import re

import pytest

from localjobs.state.folders import compute_log
from localjobs.states import Result

CLUSTERS = [{"job_cluster_key": key, "new_cluster": {"num_workers": 0}} for key in ("c", "other", "doomed")]

# The first attempt dies in the middle of an operation that says every 50 ms that it still runs; the second one looks.
OUTLIVE = """
import os, sys, threading, time
from pathlib import Path
from pyspark.sql import SparkSession
from pyspark.sql.functions import udf

beats, target = Path("beats"), Path("target")
spark = SparkSession.builder.getOrCreate()
print("application", spark.conf.get("spark.app.id"))
if sys.argv[1] == "2":
    started = time.time()
    time.sleep(3)
    print("beats since", max(map(float, beats.read_text().split())) > started)
    print("committed", Path(target, "_SUCCESS").exists())
    sys.exit(0)

@udf("long")
def slow(x):
    for _ in range(80):
        with beats.open("a") as file:
            file.write(f"{time.time()}\\n")
        time.sleep(0.05)
    return x

def wait_and_die():
    while not beats.exists():
        time.sleep(0.01)
    os.kill(os.getpid(), 9)

threading.Thread(target=wait_and_die).start()
spark.range(1).select(slow("id")).write.parquet(str(target.resolve()))
"""

TELL = """
from pathlib import Path
from pyspark.sql import SparkSession

spark = SparkSession.builder.getOrCreate()
print("application", spark.conf.get("spark.app.id"))
Path("port").write_text(spark.conf.get("spark.driver.port"))
"""

KILL_THE_SERVER = """
import os
from pyspark.sql import SparkSession

spark = SparkSession.builder.getOrCreate()
os.kill(int(spark.sql("select java_method('java.lang.ProcessHandle', 'current')").collect()[0][0]), 9)
spark.range(1).count()
"""

WAIT_FOR_THE_END_OF_C = """
import socket, time
address = ("127.0.0.1", int(open("port").read()))
while True:
    time.sleep(0.05)
    socket.create_connection(address).close()
"""


@pytest.fixture(scope="module")
def shared_run(plain_bench):
    """One run of five tasks on three clusters; servers are the project's own session."""
    bench = plain_bench

    def script(key, text, cluster, after=(), **settings):
        (bench.root / f"{key}.py").write_text(text)
        program = {"python_file": f"{key}.py", "parameters": ["{{task.execution_count}}"]}
        depends_on = [{"task_key": one} for one in after]
        return {
            "task_key": key,
            "job_cluster_key": cluster,
            "spark_python_task": program,
            "depends_on": depends_on,
            **settings,
        }

    tasks = [
        script("idle", "pass", "other"),
        script("dies", OUTLIVE, "c", max_retries=1),
        script("tells", TELL, "c", after=["dies"]),
        script("kills", KILL_THE_SERVER, "doomed", after=["tells"], timeout_seconds=60),
        script("looks", WAIT_FOR_THE_END_OF_C, "other", after=["tells"], timeout_seconds=20),
    ]
    return bench, bench.run(tasks, job_clusters=CLUSTERS, shared_compute=True)


def test_attempts_and_tasks_of_a_cluster_share_a_server(shared_run):
    bench, run = shared_run
    logs = [bench.log(run, "dies", 0), bench.log(run, "dies", 1), bench.log(run, "tells")]
    applications = {re.search(r"application (\S+)", log)[1] for log in logs}
    assert len(applications) == 1


def test_a_cluster_that_nobody_connects_to_has_no_server(shared_run):
    bench, run = shared_run
    assert run.task("idle").result is Result.SUCCESS
    assert not compute_log(bench.root, run.run_id, "other").exists()


def test_nothing_of_a_killed_attempt_goes_on_in_the_server_when_the_retry_starts(shared_run):
    bench, run = shared_run
    assert [attempt.result for attempt in run.task("dies").attempts] == [Result.FAILED, Result.SUCCESS]
    assert "beats since False\ncommitted False" in bench.log(run, "dies", 1)


def test_a_server_ends_with_the_last_task_of_its_cluster(shared_run):
    _, run = shared_run
    assert "ConnectionRefusedError" in run.task("looks").message


def test_an_attempt_whose_server_died_fails_at_once_and_says_where_to_look(shared_run):
    bench, run = shared_run
    log = compute_log(bench.root, run.run_id, "doomed")
    assert run.task("kills").message == f"the Spark Connect server of doomed has ended; its log is {log}"
    assert "ended with exit status -9" in log.read_text()
