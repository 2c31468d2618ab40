"""Runs a command against a Spark Connect server with Delta on this machine: `python -m fraud_detection.local_connect`.

The command finds the server by SPARK_REMOTE, which holds a token that only it knows.
"""

import os
import secrets
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from pyspark.sql import SparkSession

from fraud_detection.local_spark import build_local_session

TOKEN_VARIABLE = "SPARK_CONNECT_AUTHENTICATE_TOKEN"  # noqa: S105  the name that Spark gives it
SERVICE = "org.apache.spark.sql.connect.service.SparkConnectService$"
# Databricks' client cannot read a size with a unit.
SETTINGS = {
    "spark.plugins": "org.apache.spark.sql.connect.SparkConnectPlugin",
    "spark.connect.grpc.binding.address": "127.0.0.1",
    "spark.connect.grpc.binding.port": "0",
    "spark.databricks.sql.cache.useDataFrameSnapshotCommand": "false",  # asked for by Databricks' client
    "spark.sql.session.localRelationSizeLimit": "3221225472",
    "spark.sql.session.localRelationChunkSizeRows": "10000",
    "spark.sql.session.localRelationChunkSizeBytes": "16777216",
}


def serve(warehouse: Path, token: str) -> tuple[SparkSession, str]:
    """Start the server inside a local session; the session, which keeps it alive, and its address."""
    settings = " ".join(f"--conf {key}={value}" for key, value in SETTINGS.items())
    os.environ |= {"PYSPARK_SUBMIT_ARGS": f"{settings} pyspark-shell", TOKEN_VARIABLE: token}
    session = build_local_session(warehouse)
    java = session._jvm.java  # type: ignore[union-attr]  # noqa: SLF001  pyspark's own way to the JVM
    service = java.lang.Class.forName(SERVICE).getField("MODULE$").get(None)
    return session, f"sc://localhost:{service.localPort()}/;token={token}"  # a token is sent to localhost only


def main(argv: Sequence[str] | None = None) -> int:
    """Serve while the command runs; its exit status."""
    command = list(sys.argv[1:] if argv is None else argv)
    kept = {name: value for name, value in os.environ.items() if name != "SPARK_REMOTE"}
    os.environ.pop("SPARK_REMOTE", None)
    with tempfile.TemporaryDirectory() as folder:
        session, address = serve(Path(folder), secrets.token_urlsafe(24))
        status = subprocess.run(command, env={**kept, "SPARK_REMOTE": address}, check=False).returncode  # noqa: S603  the caller's own
        session.stop()
    return status


if __name__ == "__main__":
    sys.exit(main())
