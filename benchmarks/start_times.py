#!/usr/bin/env python
"""How long each console command takes to answer --help, beside an empty Python in the same run.

    python benchmarks/start_times.py --json

The smallest processor time of several runs, taken in turns, so that other work on the machine falls on all alike.
"""

import argparse
import json
import resource
import subprocess
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[1]
EMPTY = "python -c pass"


def processor_seconds(words: list[str]) -> float:
    """User and system time of a process and those that it waited for."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(words, check=True, capture_output=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime


def measure(rounds: int) -> dict[str, float]:
    """The least time of each command, and of Python alone."""
    scripts = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["scripts"]
    folder = Path(sys.executable).parent
    commands = {EMPTY: [sys.executable, "-c", "pass"]} | {name: [str(folder / name), "--help"] for name in scripts}
    least = dict.fromkeys(commands, float("inf"))
    for _ in range(rounds):
        for name, words in commands.items():
            least[name] = min(least[name], processor_seconds(words))
    return least


def main() -> None:
    """Print seconds and ratios, slowest first."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    least = measure(given.rounds)
    found = {
        name: {"seconds": round(seconds, 3), "times_empty": round(seconds / least[EMPTY], 1)}
        for name, seconds in sorted(least.items(), key=lambda item: -item[1])
    }
    if given.json:
        print(json.dumps(found, indent=2))
    else:
        for name, figures in found.items():
            print(f"{name:20} {figures['seconds']:6.3f} s  {figures['times_empty']:6.1f} x {EMPTY}")


if __name__ == "__main__":
    main()
