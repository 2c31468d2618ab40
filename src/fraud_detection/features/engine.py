"""Which engine computes the features: one rule with its reason in a sentence.

Its constants are what `benchmarks/features.py --features all` prints; docs/engines.md says what was measured where.
"""

from dataclasses import dataclass
from math import ceil
from typing import Final, Literal, get_args

from fraud_detection.errors import ConfigurationError

EngineName = Literal["single_node", "spark"]

MEMORY_BYTES_A_ROW: Final = 550
"""Peak of the single node for all features beyond the input: 0.51 GB a million rows were measured."""
MEMORY_SHARE: Final = 0.6
"""Of the machine's memory; the rest is for the session, the input's copy and the operating system."""
SINGLE_NODE_CPU_SECONDS: Final = 2.0
SPARK_CPU_SECONDS: Final = 11.7
"""For all features of a million rows, reading and writing included; of Spark's, the JVM and its Python workers."""
SINGLE_NODE_CORES: Final = 4
"""An assumption, measured on two cores only: ordering rows and bringing columns back run on few."""
HANDED_BYTES_A_ROW: Final = 300
"""Of all features as Arrow, on their way from here to the heap of Spark's driver; 14 million rows break 4 GB."""
HEAP_SHARE: Final = 0.5
SHARD_ROWS: Final = 400_000
"""One shard and its features fit into about 0.4 GB of a worker."""


@dataclass(frozen=True)
class EngineChoice:
    """The engine, and why."""

    name: EngineName
    reason: str


def choose_engine(
    rows: int, size_bytes: int, cores: int, memory_bytes: int, override: str = "auto", heap_bytes: int | None = None
) -> EngineChoice:
    """Choose the engine for one computation.

    Args:
        rows: rows of the history.
        size_bytes: its size in memory as a table; wide identifiers cost more than the usual row.
        cores: cores that Spark has in all.
        memory_bytes: memory of the machine that would compute alone.
        override: an engine's name, or `auto`.
        heap_bytes: of Spark's driver, to which one node hands all rows; None where it takes none, or few.

    Raises:
        ConfigurationError: the override names no engine.
    """
    if override in get_args(EngineName):
        return EngineChoice("spark" if override == "spark" else "single_node", f"the settings ask for {override}")
    if override != "auto":
        raise ConfigurationError(f"engine is {override!r}; expected auto, {' or '.join(get_args(EngineName))}")
    needed, usable = rows * MEMORY_BYTES_A_ROW + size_bytes, int(memory_bytes * MEMORY_SHARE)
    if needed > usable:
        return EngineChoice("spark", f"{rows:,} rows need {_gb(needed)} of memory, one node has {_gb(usable)} to give")
    handed = rows * HANDED_BYTES_A_ROW
    if heap_bytes is not None and handed > heap_bytes * HEAP_SHARE:
        room = f"whose heap of {_gb(heap_bytes)} has {_gb(int(heap_bytes * HEAP_SHARE))} to give"
        return EngineChoice("spark", f"{rows:,} rows of one node would come as {_gb(handed)} to Spark's driver, {room}")
    alone, spread = _seconds(rows, cores)
    figures = f"{rows:,} rows fit into memory ({_gb(needed)} of {_gb(usable)}) and take about {alone:.0f} s on one node"
    if spread < alone:
        return EngineChoice("spark", f"{figures}, {spread:.0f} s on the {cores} cores of Spark")
    return EngineChoice("single_node", f"{figures}, {spread:.0f} s on Spark with {cores} cores")


def count_shards(rows: int, cores: int) -> int:
    """Shards small enough for a worker, and at least two a core so that a slow one delays little."""
    return max(ceil(rows / SHARD_ROWS), 2 * cores)


def _seconds(rows: int, cores: int) -> tuple[float, float]:
    millions = rows / 1e6
    return millions * SINGLE_NODE_CPU_SECONDS / min(cores, SINGLE_NODE_CORES), millions * SPARK_CPU_SECONDS / cores


def _gb(size: int) -> str:
    return f"{size / 1e9:.1f} GB"
