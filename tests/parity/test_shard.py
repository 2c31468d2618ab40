"""What travels to a Spark worker, unpickled in a fresh process as a worker does it."""

import os
import subprocess
import sys

import polars as pl
from pyspark import cloudpickle

from fraud_detection.features.contract import HISTORY
from fraud_detection.features.groups import transaction
from fraud_detection.features.registry import REFERENCE_FEATURES
from fraud_detection.features.settings import FeatureSettings
from fraud_detection.features.shard import ShardWork
from fraud_detection.features.spark import _apply
from fraud_detection.features.stages import plan_stages

WORKER = """
import pickle, sys
compute, shard = pickle.load(sys.stdin.buffer)
assert "polars" not in sys.modules, "Polars came along and has chosen its threads"
(rows,) = compute(iter(shard))
assert not list(compute(iter([])))  # a shard without entities
import polars
print(polars.thread_pool_size(), rows.num_rows, rows.schema.field("transaction_id").type)
"""


def test_a_worker_computes_on_one_thread(history):
    stage = cloudpickle.dumps(plan_stages([transaction.GROUP])[0])
    work = ShardWork(stage, (), (*HISTORY, *REFERENCE_FEATURES[:3]), FeatureSettings())
    shard = history.head(50).to_arrow(compat_level=pl.CompatLevel.oldest()).to_batches(max_chunksize=20)
    environment = {name: value for name, value in os.environ.items() if name != "POLARS_MAX_THREADS"}
    done = subprocess.run(
        [sys.executable, "-c", WORKER],
        input=cloudpickle.dumps((_apply(work), shard)),
        env=environment,
        capture_output=True,
        check=False,
    )
    assert done.stdout.decode().split() == ["1", "50", "string"], done.stderr.decode()
