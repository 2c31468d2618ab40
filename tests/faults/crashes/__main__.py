"""The nightly forms: python -m crashes --faults 100, and python -m crashes --pairs 28."""

import argparse
import random
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from crashes.matrix import PIPELINE, Rehearsal, warm_jvm
from crashes.pairs import Pairs
from small import environment_of_tasks


def main() -> int:
    """Do what is asked, and fail where a row was lost or doubled."""
    parser = argparse.ArgumentParser(prog="crashes", description=__doc__)
    asked = parser.add_mutually_exclusive_group(required=True)
    asked.add_argument("--faults", type=int, help="how many points a task is killed at")
    asked.add_argument("--pairs", type=int, help="how many pairs of tasks run at once; there are 28")
    parser.add_argument("--seed", type=int, default=int(time.time()) % 10_000)
    options = parser.parse_args()
    print(f"seed {options.seed}", flush=True)
    with tempfile.TemporaryDirectory() as folder:
        if options.pairs is not None:
            return run_pairs(Path(folder), options.pairs, options.seed)
        return inject_faults(Path(folder), options.faults, options.seed)


def inject_faults(folder: Path, most: int, seed: int) -> int:
    """Inject faults, one line each."""
    with warm_jvm() as environment:
        rehearsal = Rehearsal(folder, environment, PIPELINE)
        rehearsal.begin()
        for said in rehearsal.prepare():
            print(said, flush=True)
        injected = wrong = 0
        faults = rehearsal.choose(most, seed)
        for fault in faults:
            began = time.perf_counter()
            done = rehearsal.inject(fault)
            injected, wrong = injected + done.injected, wrong + done.lost + done.doubled
            said = f"{done.lost} lost, {done.doubled} doubled" if done.differences else "as undisturbed"
            said = said if done.injected else f"not reached, {said}"
            print(f"{rehearsal.describe(fault)}: {said}, {time.perf_counter() - began:.1f} s", flush=True)
            show(done.differences)
    print(f"{injected} faults injected, {wrong} rows lost or doubled")
    return int(wrong > 0 or injected < len(faults))


def run_pairs(folder: Path, most: int, seed: int) -> int:
    """Run pairs of tasks at once, one line each."""
    rehearsal = Pairs(folder, environment_of_tasks())
    rehearsal.begin()
    for said in rehearsal.build():
        print(said, flush=True)
    pairs = random.Random(seed).sample(rehearsal.pairs, min(most, len(rehearsal.pairs)))  # noqa: S311  no secret
    wrong = unnamed = 0
    for pair in pairs:
        began = time.perf_counter()
        met = rehearsal.meet(pair)
        wrong, unnamed = wrong + met.lost + met.doubled, unnamed + len(met.unnamed)
        said = f"{met.lost} lost, {met.doubled} doubled" if met.differences else "as one after the other"
        refused = f", refused: {', '.join(met.refused)}" if met.refused else ""
        print(f"{rehearsal.name(pair)}: {said}{refused}, {time.perf_counter() - began:.1f} s", flush=True)
        show([*met.differences, *(text[-300:] for text in met.unnamed.values())])
    print(f"{len(pairs)} pairs run at once, {wrong} rows lost or doubled, {unnamed} errors without a name")
    return int(wrong > 0 or unnamed > 0)


def show(differences: Sequence[str]) -> None:
    """The first ones."""
    for difference in differences[:5]:
        print(f"  {difference[:300]}", flush=True)


if __name__ == "__main__":
    sys.exit(main())
