"""A command against a Spark Connect server on this machine, by pyspark's own client."""

import subprocess
import sys

SCRIPT = """
import sys
from datetime import UTC, datetime
from pathlib import Path

from fraud_detection.schemas import SILVER_LABELS
from fraud_detection.session import in_workspace, open_session
from fraud_detection.tables import Tables

spark = open_session()
tables = Tables("spark_catalog", "small", Path(sys.argv[1]))
tables.create_schema(spark)
tables.ensure(spark, SILVER_LABELS)
then = datetime(2018, 4, 2, tzinfo=UTC)
types = spark.table(tables.name(SILVER_LABELS.name)).schema
for fraud in (False, True):
    rows = [("T1", fraud, then, "f", then, 1, then)]
    tables.merge(SILVER_LABELS, spark.createDataFrame(rows, types))
found = [row.is_fraud for row in tables.read(spark, SILVER_LABELS.name).collect()]
print(type(spark).__module__, found, in_workspace())
sys.exit(3)
"""


def test_tables_are_made_and_merged_by_a_client_that_has_no_engine(tmp_path, task_environment):
    command = [sys.executable, "-m", "fraud_detection.local_connect", sys.executable, "-c", SCRIPT, str(tmp_path)]

    done = subprocess.run(command, env=task_environment, capture_output=True, text=True, timeout=300, check=False)

    assert done.returncode == 3, done.stderr[-2000:]
    assert done.stdout.split("\n")[-2] == "pyspark.sql.connect.session [True] False"
