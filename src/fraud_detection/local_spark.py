"""Spark with Delta and the Kafka connector on this machine: jars fetched once, a session that starts fast.

`python -m fraud_detection.local_spark` prepares a machine (`make setup` calls it).
"""

import hashlib
import os
import sys
import tempfile
from contextlib import suppress
from multiprocessing import get_context
from pathlib import Path
from urllib.request import urlopen

import psutil
from pyspark.sql import SparkSession

from fraud_detection.errors import MachineError

JARS = Path(sys.prefix) / "share" / "fraud_detection" / "jars"
CLASS_ARCHIVE = JARS / "classes.jsa"
MAVEN = "https://repo1.maven.org/maven2"
# By name: delta-spark brings its jars by Ivy, which knows no hashes; and Maven Central has no Kafka connector of every
# version of pyspark, and not every part of each connector.
MAVEN_JARS = {
    "io/delta/delta-spark_4.1_2.13/4.4.0/delta-spark_4.1_2.13-4.4.0.jar": (
        "75a9400986853c061f5109f012547de2545a5759e5e752e5ef633dabe16a4f10"
    ),
    "io/delta/delta-storage/4.4.0/delta-storage-4.4.0.jar": (
        "c46735481fa8e326b0957be02b4420cbcab4b325bb08009b7f2045a95133f1cc"
    ),
    "io/delta/delta-kernel-api/4.4.0/delta-kernel-api-4.4.0.jar": (
        "ee9b5a14ac3b7efdff4d61a58478fe8eb0e5a3fbca43889dca7290795fe79a11"
    ),
    "io/delta/delta-kernel-defaults/4.4.0/delta-kernel-defaults-4.4.0.jar": (
        "225c975199e4718b38ee5b7e6da7f19e9585024262b2cec2656b32151a856b0b"
    ),
    "io/delta/delta-kernel-unitycatalog/4.4.0/delta-kernel-unitycatalog-4.4.0.jar": (
        "cea22dfb4ac562b3cd27bf652697750e8336009d73fb06631363aaaad5345ffa"
    ),
    "io/unitycatalog/unitycatalog-client/0.6.0/unitycatalog-client-0.6.0.jar": (
        "48257499a86b801a3e2372cec55ac226ca1c1c7eabe5c118e7302f29a1fdbc19"
    ),
    "io/unitycatalog/unitycatalog-hadoop/0.6.0/unitycatalog-hadoop-0.6.0.jar": (
        "c47b63c961c87102b9e1d63809a0915ba4c86b7652f57c8d39ca3a05b441a150"
    ),
    "org/apache/spark/spark-sql-kafka-0-10_2.13/4.1.3/spark-sql-kafka-0-10_2.13-4.1.3.jar": (
        "cb31ffd9c8f5527dba061db8af671d295562092e4f3f5ff42fc249fab8a8fde6"
    ),
    "org/apache/spark/spark-token-provider-kafka-0-10_2.13/4.0.0/spark-token-provider-kafka-0-10_2.13-4.0.0.jar": (
        "f2be3b76f9e6cbe63379d4e4e0dc14f59dbf056ae2ad16ff15ac108004c86767"
    ),
    "org/apache/kafka/kafka-clients/3.9.1/kafka-clients-3.9.1.jar": (
        "7568b998572d256f0b7bc0afdc1b7a2588b8b08415c62ce314c864a6851ae9d9"
    ),
    "org/apache/commons/commons-pool2/2.12.1/commons-pool2-2.12.1.jar": (
        "5273c8bc8c0dca2211175c0d27efbd7228efae99689aac001a8e1ef8e872e9ef"
    ),
}
"""Delta and the Kafka connector, with what they need beyond pyspark's jars: path in Maven Central → SHA-256."""
DRIVER_MEMORY = "4g"
RECORDING_SECONDS = 600
COLLECTOR = "-XX:+UseParallelGC"

SETTINGS = {
    "spark.sql.extensions": "io.delta.sql.DeltaSparkSessionExtension",
    "spark.sql.catalog.spark_catalog": "org.apache.spark.sql.delta.catalog.DeltaCatalog",
    "spark.sql.session.timeZone": "UTC",
    "spark.sql.execution.arrow.pyspark.enabled": "true",
    "spark.sql.shuffle.partitions": "8",
    "spark.sql.inMemoryColumnarStorage.compressed": "false",  # packing what is kept for minutes costs a third of it
    "spark.sql.sources.parallelPartitionDiscovery.parallelism": "8",  # VACUUM would start 10,000 tasks a table
    "spark.databricks.delta.snapshotPartitions": "2",
    "spark.ui.enabled": "false",
    "spark.ui.showConsoleProgress": "false",
    "spark.driver.host": "127.0.0.1",
    "spark.driver.bindAddress": "127.0.0.1",
}


def build_local_session(warehouse: Path, cores: str = "*", java_options: str = "") -> SparkSession:
    """Start (or get) a local session with Delta; its tables live in folders under `warehouse`.

    Raises:
        MachineError: the Delta jars are not there.
    """
    os.environ["PYSPARK_PYTHON"] = sys.executable  # else workers may take another Python from the path
    builder = SparkSession.builder.master(f"local[{cores}]")
    for key, value in {**SETTINGS, **driver_settings(java_options)}.items():
        builder.config(key, value)
    builder.config("spark.sql.warehouse.dir", str(warehouse.resolve()))
    session = builder.getOrCreate()
    session.sparkContext.setLogLevel("ERROR")
    return session


def driver_settings(java_options: str = "") -> dict[str, str]:
    """What a local JVM is started with: Delta's jars, its memory, and the recorded classes where there are any.

    Raises:
        MachineError: the Delta jars are not there.
    """
    jars = sorted(JARS.glob("*.jar"))
    if not jars:
        raise MachineError(f"found no Delta jars in {JARS}; run `make setup`, which fetches them once")
    return {
        "spark.driver.extraClassPath": os.pathsep.join(map(str, jars)),
        "spark.driver.memory": os.environ.get("FRAUD_DRIVER_MEMORY", DRIVER_MEMORY),
        "spark.driver.extraJavaOptions": java_options or _start_options(CLASS_ARCHIVE),
    }


def _start_options(archive: Path) -> str:
    quiet = f"{COLLECTOR} -Xshare:auto -Xlog:cds=off -Xlog:cds+dynamic=off"
    return f"{quiet} -XX:SharedArchiveFile={archive}" if archive.exists() else quiet


def fetch_jars() -> list[Path]:
    """Download those jars that are not there yet, and remove those of before; the paths of the new ones.

    Raises:
        MachineError: a jar is not the one that was chosen.
    """
    JARS.mkdir(parents=True, exist_ok=True)
    names = {Path(path).name for path in MAVEN_JARS}
    for jar in JARS.glob("*.jar"):
        if jar.name not in names:
            jar.unlink()
    missing = {path: known for path, known in MAVEN_JARS.items() if not (JARS / Path(path).name).exists()}
    return [_download(path, known) for path, known in missing.items()]


def _download(path: str, known: str) -> Path:
    with urlopen(f"{MAVEN}/{path}", timeout=60) as answer:  # noqa: S310  the address is a constant
        content = answer.read()
    found = hashlib.sha256(content).hexdigest()
    if found != known:
        raise MachineError(f"{MAVEN}/{path} has SHA-256 {found}; expected {known}: do not use it, ask who serves it")
    target = JARS / Path(path).name
    part = target.with_suffix(".part")
    part.write_bytes(content)
    return part.replace(target)


def archive_classes(warehouse: Path) -> None:
    """Record the classes that a first Delta write loads, so that later sessions map them instead of loading them.

    It wants a process of its own: Java records only what it was told to when it started, and writes when it ends.
    """
    options = f"{COLLECTOR} -XX:ArchiveClassesAtExit={CLASS_ARCHIVE}"
    session = build_local_session(warehouse, java_options=options)
    target = f"delta.`{warehouse.resolve() / 'first'}`"
    session.sql(f"CREATE TABLE {target} (id STRING, day DATE) USING DELTA CLUSTER BY (day)")
    session.range(1).selectExpr("string(id) AS id", "current_date() AS day").createOrReplaceTempView("rows")
    session.sql(
        f"MERGE INTO {target} AS t USING rows AS r ON t.id = r.id WHEN MATCHED THEN UPDATE SET * "
        "WHEN NOT MATCHED THEN INSERT *"
    )
    session.table(target).count()
    session.stop()
    java = psutil.Process().children()
    for process in java:
        with suppress(psutil.NoSuchProcess):
            process.terminate()
    psutil.wait_procs(java, RECORDING_SECONDS)


def main() -> None:
    """Prepare this machine, unless it is prepared already.

    Raises:
        MachineError: Java recorded no classes.
    """
    if fetch_jars():
        CLASS_ARCHIVE.unlink(missing_ok=True)  # it fits one class path only
    if not CLASS_ARCHIVE.exists():
        with tempfile.TemporaryDirectory() as folder:
            recording = get_context("spawn").Process(target=archive_classes, args=(Path(folder),))
            recording.start()
            recording.join()
        if recording.exitcode or not CLASS_ARCHIVE.exists():
            CLASS_ARCHIVE.unlink(missing_ok=True)
            raise MachineError(
                f"Java recorded no classes in {CLASS_ARCHIVE} (exit status {recording.exitcode}); expected so of "
                "OpenJDK 17 or 21: the lines above say why"
            )


if __name__ == "__main__":
    main()
