"""What a task used in past runs: measured minute by minute on clusters, or as a whole by a runner on one machine."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from runcosts.history import plain_name
from runcosts.tracking import SUCCESS_STATES

SYSTEM_GB = Decimal("4.8")
"""Of a node, for the services of the platform, by the Databricks knowledge base ("Apache Spark UI shows less than total
node memory": 4,800 MB). What a runner measures on a laptop leaves them out, node_timeline does not."""
MIB_IN_A_GB = Decimal(2**20) / 10**9
ON_ONE_MACHINE = (
    "measured on one machine by the runner: only the mean of its processors and the peak of its memory are known",
    "swap, disk and network are not known",
    "a cluster's data may be larger than this machine's",
)


@dataclass(frozen=True)
class Moment:
    """A stretch of a run: busy cores of all nodes together, and memory of the driver and of the fullest worker."""

    seconds: Decimal
    busy_cores: Decimal
    driver_gb: Decimal
    worker_gb: Decimal = Decimal(0)
    workers: int = 0


@dataclass(frozen=True)
class Usage:
    """What the runs of a task used.

    Attributes:
        moments: of all runs, in any order.
        wait_share: of the processors' time, waiting for disks; None where nobody measured.
        network_gb: sent and received by all nodes in a run; None where nobody measured.
        unknown: what the figures do not tell.
    """

    runs: int
    source: str
    moments: tuple[Moment, ...]
    swapped: bool = False
    wait_share: Decimal | None = None
    network_gb: Decimal | None = None
    unknown: tuple[str, ...] = ()

    @property
    def seconds(self) -> Decimal:
        """Of all moments."""
        return sum((moment.seconds for moment in self.moments), Decimal(0))

    @property
    def busy_cores(self) -> Decimal:
        """The mean over time."""
        worked = sum((moment.busy_cores * moment.seconds for moment in self.moments), Decimal(0))
        return worked / self.seconds if self.seconds else Decimal(0)

    @property
    def driver_gb(self) -> Decimal:
        """The most that a driver held."""
        return max(moment.driver_gb for moment in self.moments)

    @property
    def worker_gb(self) -> Decimal:
        """The most that one worker held."""
        return max(moment.worker_gb for moment in self.moments)

    @property
    def workers_gb(self) -> Decimal:
        """The most that all workers held together, each taken as full as the fullest."""
        return max(moment.worker_gb * moment.workers for moment in self.moments)

    @property
    def all_gb(self) -> Decimal:
        """The most that all nodes held together."""
        return max(moment.driver_gb + moment.worker_gb * moment.workers for moment in self.moments)


def measured_here(rows: Iterable[Mapping[str, Any]], last: int) -> dict[tuple[str, str], Usage]:
    """By job name and task, from the rows of a ledger that carry what a runner measured; of the last attempts."""
    tasks: dict[tuple[str, str], list[Mapping[str, Any]]] = defaultdict(list)
    for row in sorted(rows, key=lambda row: row["ended_at"]):
        if row.get("peak_memory_mib") and row.get("cpu_seconds") is not None and row["seconds"] > 0:
            tasks[plain_name(row["job_name"]), row["task_key"]].append(row)
    return {key: _usage(found[-last:]) for key, found in tasks.items()}


def _usage(rows: list[Mapping[str, Any]]) -> Usage:
    moments = tuple(
        Moment(
            seconds=row["seconds"],
            busy_cores=row["cpu_seconds"] / row["seconds"],
            driver_gb=Decimal(row["peak_memory_mib"]) * MIB_IN_A_GB + SYSTEM_GB,
        )
        for row in rows
    )
    places = ", ".join(sorted({row["workspace"] for row in rows}))
    failed = sum(row["result_state"].upper() not in SUCCESS_STATES for row in rows)
    source = (
        f"{len(rows)} attempt{'s' if len(rows) > 1 else ''} ({places}){f', {failed} of them failed' if failed else ''}"
    )
    return Usage(len(rows), source, moments, unknown=ON_ONE_MACHINE)
