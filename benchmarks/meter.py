"""What a piece of work costs: wall seconds, CPU seconds of every process, the peak of memory."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import psutil

PAUSE = 0.1
GB = 1e9


@dataclass
class Cost:
    """CPU counts this process, its children, and those of them that have ended; memory is resident, added up."""

    wall_seconds: float = 0.0
    cpu_seconds: float = 0.0
    peak_memory_gb: float = 0.0
    peak_worker_gb: float = 0.0
    workers: int = 0


@contextmanager
def measured() -> Iterator[Cost]:
    """The cost of what happens inside; known when it is left."""
    cost, done = Cost(), threading.Event()
    watch = threading.Thread(target=_watch, args=(cost, done))
    cpu, began = cpu_seconds(), time.perf_counter()
    watch.start()
    try:
        yield cost
    finally:
        cost.wall_seconds, cost.cpu_seconds = time.perf_counter() - began, cpu_seconds() - cpu
        done.set()
        watch.join()


def cpu_seconds() -> float:
    """Of this process and all below it; an ended child counts with the parent that waited for it."""
    return sum(sum(_ask(process, "cpu_times")[:4]) for process in _tree())


def _watch(cost: Cost, done: threading.Event) -> None:
    while not done.wait(PAUSE):
        sizes = {process: _ask(process, "memory_info")[0] / GB for process in _tree()}
        below = [size for process, size in sizes.items() if _is_worker(process)]
        cost.peak_memory_gb = max(cost.peak_memory_gb, sum(sizes.values()))
        cost.peak_worker_gb = max(cost.peak_worker_gb, max(below, default=0))
        cost.workers = max(cost.workers, len(below))


def _tree() -> list[psutil.Process]:
    own = psutil.Process()
    return [own, *own.children(recursive=True)]


def _ask(process: psutil.Process, what: str) -> tuple[float, ...]:
    try:
        return tuple(getattr(process, what)())
    except psutil.NoSuchProcess:
        return (0.0, 0.0, 0.0, 0.0)


def _is_worker(process: psutil.Process) -> bool:
    """Spark's workers are children of its daemon, which is a child of the JVM."""
    try:
        parents = process.parents()
        return process.name().startswith("python") and len(parents) > 1 and "java" in parents[1].name()
    except psutil.NoSuchProcess:
        return False
