"""How soon monitoring notices a change that was planted, and how often it calls for nothing.

    python benchmarks/monitoring.py --seeds 1,2,3
    python benchmarks/monitoring.py --seeds 21,22,23,24,25,26 --json

For each seed a world is simulated, a model is trained, and the days after are watched, by the functions and the limits
of the task `monitor`, without Spark: once as they are, for false alarms, and once for each change, from a known day on.
Labels are known seven days late, so what only labels tell cannot be seen before.
"""

import argparse
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, get_args

import numpy as np
import polars as pl

from fraud_detection.data.generator import World, generate_transactions
from fraud_detection.data.world import Plant, PlantKind
from fraud_detection.features.registry import MODEL_FEATURES
from fraud_detection.features.single_node import compute_features
from fraud_detection.models.baseline import Baseline, Counts, as_floats, describe
from fraud_detection.models.costs import CostSettings, measure_saving
from fraud_detection.models.metrics import evaluate
from fraud_detection.models.settings import TrainingSettings
from fraud_detection.models.slices import past_of
from fraud_detection.models.split import Fold, evaluation_rows, production_fold
from fraud_detection.models.training import Candidate, score_rows, train_candidate
from fraud_detection.monitoring import drift, quality
from fraud_detection.monitoring.alarms import Alarm, decide
from fraud_detection.monitoring.settings import MonitoringSettings

TRAINED_ON, PLANTED_ON = 125, 140
RECIPE = replace(TrainingSettings(), window_days=60, trials=0, boosters=1, max_rounds=200)
SETTINGS, COSTS = MonitoringSettings(), CostSettings()
DAYS_A_YEAR = 365
CLEAN = "nothing"
EXPECTED: Mapping[str, tuple[str, ...]] = {
    "new_fraud": ("performance", "drift"),
    "amount_shift": ("drift", "performance"),
    "broken_amounts": ("data",),
    "volume": ("data",),
}
"""The kinds of alarm that are right; by `data` nothing is trained."""


@dataclass(frozen=True)
class Watched:
    """The days of one world: alarms by day, and the days on which training was started."""

    alarms: dict[date, list[Alarm]]
    retrained: list[date]


def main(argv: Sequence[str] | None = None) -> None:
    """Measure and print."""
    options = _parse(argv)
    seeds = [int(seed) for seed in options.seeds.split(",")]
    watched = {seed: dict(watch_seed(seed, options)) for seed in seeds}
    found = {"false_alarms": _false_alarms(watched)} | {kind: _days(watched, kind) for kind in EXPECTED}
    if options.json:
        print(json.dumps({"seeds": seeds, **found}))


def watch_seed(seed: int, options: argparse.Namespace) -> Iterator[tuple[str, Watched]]:
    """The world as it is, and with each change."""
    world = World(customers=options.customers, terminals=2 * options.customers, days=options.days, seed=seed)
    rows = labelled_features(world)
    candidate = train(rows, world)
    held_out = candidate.held_out
    baseline = describe(held_out, MODEL_FEATURES, held_out["score"].to_numpy())
    gate = judge(rows, candidate, world)
    for kind in (CLEAN, *get_args(PlantKind)):
        plant = None if kind == CLEAN else Plant(kind, PLANTED_ON)
        seen = rows if plant is None else labelled_features(replace(world, plant=plant))
        found = watch(seen, candidate, baseline, gate, world)
        yield kind, found
        since = _day(world, PLANTED_ON) if plant else world.start
        first = next((day for day, alarms in found.alarms.items() if alarms and day >= since), None)
        said = f"{first}: {'; '.join(map(str, found.alarms[first]))}" if first else "never"
        print(f"seed {seed} {kind:15} first alarm {said}", flush=True)


def labelled_features(world: World) -> pl.DataFrame:
    """Features of all transactions, with labels that are known after seven days."""
    rows = generate_transactions(world)
    history = rows.with_columns(known_at=rows["event_time"].dt.offset_by("7d")).drop("scenario")
    labels = history.select("transaction_id", "is_fraud", "known_at")
    return compute_features(history).join(labels, on="transaction_id", how="left")


def train(rows: pl.DataFrame, world: World) -> Candidate:
    """As the job would on a day: what it learns from ends two weeks before."""
    now = _moment(world, TRAINED_ON)
    known = rows.filter(pl.col("event_time") < now)
    return train_candidate(known, MODEL_FEATURES, production_fold(known.filter(pl.col("known_at") <= now), now), RECIPE)


def judge(rows: pl.DataFrame, candidate: Candidate, world: World) -> dict[str, float]:
    """What the gate would have seen."""
    now = _moment(world, TRAINED_ON)
    fold = production_fold(rows.filter(pl.col("known_at") <= now), now)
    judged = evaluation_rows(rows.filter(pl.col("known_at") <= now), fold)
    scores = score_rows(candidate.scorer, judged)
    saving = measure_saving(judged, scores, candidate.scorer.threshold, COSTS)
    return evaluate(judged, scores).as_dict() | saving


def watch(
    rows: pl.DataFrame, candidate: Candidate, baseline: Baseline, gate: Mapping[str, float], world: World
) -> Watched:
    """Every day from a week after the training on, as the task would."""
    scored = rows.with_columns(
        pl.Series("score", score_rows(candidate.scorer, rows)), threshold=pl.lit(candidate.scorer.threshold)
    )
    counts = {day: count(of_day, baseline) for day, of_day in _by_day(scored) if day >= _day(world, TRAINED_ON)}
    alarms: dict[date, list[Alarm]] = {}
    retrained: list[date] = []
    for number in range(TRAINED_ON + SETTINGS.window_days, world.days):
        day, now = _day(world, number), _moment(world, number + 1)
        found = drift.measure_drift(baseline, counts, day, SETTINGS)
        today = list(drift.find_alarms(found, baseline, SETTINGS))
        today += quality.find_alarms(matured(scored, now), gate, SETTINGS)
        alarms[day] = today
        if decide(today, day, retrained[-1] if retrained else None, SETTINGS).retrain:
            retrained.append(day)
    return Watched(alarms, retrained)


def matured(scored: pl.DataFrame, now: datetime) -> list[quality.Quality]:
    """The last week whose labels are due; without slices, of which no alarm speaks."""
    recent = scored.filter(pl.col("event_time").is_between(now - timedelta(days=35), now, closed="left"))
    known = pl.col("known_at") <= now
    rows = recent.with_columns(pl.when(known).then("is_fraud").alias("is_fraud"))
    fold: Fold = production_fold(rows, now)
    return quality.measure_quality(rows, past_of(rows.head(1)), fold, COSTS)


def count(rows: pl.DataFrame, baseline: Baseline) -> dict[str, Counts]:
    """As `counting.count_by_day` does on Spark."""
    return {name: bins.count(as_floats(rows[name])) for name, bins in baseline.columns.items()}


def _false_alarms(watched: Mapping[int, Mapping[str, Watched]]) -> dict[str, float]:
    clean = [kinds[CLEAN] for kinds in watched.values()]
    days = sum(len(one.alarms) for one in clean)
    alarms = sum(bool(found) for one in clean for found in one.alarms.values())
    retrained = sum(len(one.retrained) for one in clean)
    yearly = {"alarms_a_year": alarms / days * DAYS_A_YEAR, "retrained_a_year": retrained / days * DAYS_A_YEAR}
    told = ", ".join(f"{value:.1f} {name.replace('_', ' ')}" for name, value in yearly.items())
    print(f"without any change: {told}, seen over {days} days")
    return {"days": float(days), **yearly}


def _days(watched: Mapping[int, Mapping[str, Watched]], kind: str) -> dict[str, Any]:
    """Days from the change to the first alarm of a right kind, counting the day of the change as one."""
    start = date.fromisoformat(str(_day(World(), PLANTED_ON)))
    delays, wrong = [], 0
    for kinds in watched.values():
        after = {day: found for day, found in kinds[kind].alarms.items() if day >= start}
        right = [day for day, found in after.items() if any(alarm.kind in EXPECTED[kind] for alarm in found)]
        delays.append((right[0] - start).days + 1 if right else None)
        wrong += bool(EXPECTED[kind] == ("data",) and [day for day in kinds[kind].retrained if day >= start])
    noticed = [delay for delay in delays if delay is not None]
    found = {
        "noticed": len(noticed),
        "of": len(delays),
        "median_days": float(np.median(noticed)) if noticed else None,
        "most_days": max(noticed, default=None),
        "trained_by_mistake": wrong,
    }
    print(f"{kind:15} " + ", ".join(f"{name.replace('_', ' ')} {value}" for name, value in found.items()))
    return found


def _by_day(rows: pl.DataFrame) -> Iterator[tuple[date, pl.DataFrame]]:
    for (day,), of_day in rows.group_by(pl.col("event_time").dt.date(), maintain_order=True):
        assert isinstance(day, date)  # noqa: S101  a column of dates
        yield day, of_day


def _day(world: World, number: int) -> date:
    return world.start + timedelta(days=number)


def _moment(world: World, number: int) -> datetime:
    return datetime.combine(_day(world, number), time(), UTC)


def _parse(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", default="21,22,23,24,25,26", help="of worlds, with commas between them")
    parser.add_argument("--customers", type=int, default=2_000)
    parser.add_argument("--days", type=int, default=183)
    parser.add_argument("--json", action="store_true", help="make the last line one JSON object")
    return parser.parse_args(argv)


if __name__ == "__main__":
    main()
