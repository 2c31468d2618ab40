"""The nightly form: python -m crashes --faults 100."""

import argparse
import sys
import tempfile
import time
from pathlib import Path

from crashes.matrix import PIPELINE, Rehearsal, warm_jvm


def main() -> int:
    """Inject faults, one line each; fail where a row was lost or doubled."""
    parser = argparse.ArgumentParser(prog="crashes", description=__doc__)
    parser.add_argument("--faults", type=int, default=100)
    parser.add_argument("--seed", type=int, default=int(time.time()) % 10_000)
    options = parser.parse_args()
    print(f"seed {options.seed}", flush=True)
    with tempfile.TemporaryDirectory() as folder, warm_jvm() as environment:
        rehearsal = Rehearsal(Path(folder), environment, PIPELINE)
        rehearsal.begin()
        for said in rehearsal.prepare():
            print(said, flush=True)
        injected = wrong = 0
        faults = rehearsal.choose(options.faults, options.seed)
        for fault in faults:
            began = time.perf_counter()
            done = rehearsal.inject(fault)
            injected, wrong = injected + done.injected, wrong + done.lost + done.doubled
            said = f"{done.lost} lost, {done.doubled} doubled" if done.differences else "as undisturbed"
            said = said if done.injected else f"not reached, {said}"
            print(f"{rehearsal.describe(fault)}: {said}, {time.perf_counter() - began:.1f} s", flush=True)
            for difference in done.differences[:5]:
                print(f"  {difference[:300]}", flush=True)
    print(f"{injected} faults injected, {wrong} rows lost or doubled")
    return int(wrong > 0 or injected < len(faults))


if __name__ == "__main__":
    sys.exit(main())
