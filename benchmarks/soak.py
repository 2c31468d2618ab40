"""The app under mixed load for a while, with faults: no wrong score, bounded memory, an error budget that is kept.

    python benchmarks/soak.py --minutes 30
    python benchmarks/soak.py --minutes 3 --json

Callers with cards and terminals of their own ask for scores one after the other, and ask again until they are answered,
as a caller should. Meanwhile the database is stopped without a word and started again, a worker of the app gets
SIGKILL, the champion changes, and other callers hang up, send slowly, send too much, or have no token. In the end every
answer is computed again from all that happened, by the features' definition and the version that the answer names.

Ends with status 1 where a score is wrong, where a refusal is not the one that is documented, where memory grows by more
than `MOST_GROWTH` from a fifth of the time on, or where more than `ERROR_BUDGET` of the first tries fail.
"""

import argparse
import asyncio
import contextlib
import itertools
import json
import os
import random
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import polars as pl
import psutil
from mlflow import MlflowClient

from fraud_detection.data.generator import World
from fraud_detection.features.registry import MODEL_FEATURES
from fraud_detection.features.single_node import compute_features
from fraud_detection.models.scorer import Scorer
from own_postgres import Server as Database
from own_postgres import own_server
from serving import NAME, Server, describe_app, fill, fit, free_port, register, running, set_environment, simulate

ERROR_BUDGET = 0.02
"""Share of the first tries of good requests that may fail while one fault follows the other."""
MOST_GROWTH = 1.15
DAYS = 60
CALLERS = 8
PAUSE_SECONDS = 0.02
BODY_SECONDS = 2.0
AGAIN_SECONDS = 0.25
WORLD = World(customers=400, terminals=800, days=DAYS)
AS_OF = datetime.combine(WORLD.start + timedelta(days=DAYS), datetime.min.time(), UTC)
PATH = "/api/v1/score"
GOOD, GONE, LATE = 200, "connection ended", "no answer in time"
AGAIN = (GONE, 429, 500, 503)
PATIENCE_SECONDS = 60
REFUSED = {
    "no token": ("401",),
    "no JSON": ("400",),
    "negative amount": ("422",),
    "2 MB": ("413", GONE),  # whoever still sends may lose the answer with the connection
    "slow": ("408",),
}
"""What must be answered to what, unless a fault comes between."""
LEAST_REFUSED = 0.7
"""Share of them that must be answered so: most of the time there is no fault."""


@dataclass
class Seen:
    """What the callers saw.

    Attributes:
        answers: of transactions that were answered, with the transaction.
        first_tries: by status, of good requests.
        refusals: by what was sent and the status, of bad ones.
        seconds: of good answers.
        memory: resident bytes of the worker that nobody kills, over time.
        unanswered: good requests that were never answered, or refused for good.
        faults: what was done to the app.
    """

    answers: list[tuple[dict[str, Any], dict[str, Any]]] = field(default_factory=list)
    first_tries: Counter[str] = field(default_factory=Counter)
    refusals: Counter[tuple[str, str]] = field(default_factory=Counter)
    seconds: list[float] = field(default_factory=list)
    memory: list[float] = field(default_factory=list)
    unanswered: int = 0
    faults: Counter[str] = field(default_factory=Counter)


@dataclass(frozen=True)
class Place:
    """The app, its database, and the models that take turns."""

    server: Server
    process: psutil.Process
    database: Database
    scorers: Mapping[int, Scorer]
    ends_at: float

    @property
    def goes_on(self) -> bool:
        """Whether there is time left."""
        return time.monotonic() < self.ends_at


def main(argv: Sequence[str] | None = None) -> None:
    """Soak, judge and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=30)
    parser.add_argument("--workers", type=int, default=2, help="processes of the app")
    parser.add_argument("--json", action="store_true", help="make the last line one JSON object")
    options = parser.parse_args(argv)
    with tempfile.TemporaryDirectory() as place, own_server(free_port()) as database:
        os.environ |= database.variables
        rows, scorers, server = prepare(Path(place), options.workers)
        with running(server) as process:
            ends_at = time.monotonic() + 60 * options.minutes
            seen = asyncio.run(soak(Place(server, process, database, scorers, ends_at), rows))
    found = judge(seen, rows, scorers)
    for name, value in found.items():
        print(f"{name:24} {value}")
    if options.json:
        print(json.dumps(found))
    sys.exit(0 if found["passed"] else 1)


def prepare(folder: Path, workers: int) -> tuple[pl.DataFrame, dict[int, Scorer], Server]:
    """A history, a store that holds it, two versions of a model, and the app."""
    set_environment(folder)
    rows = simulate(WORLD)
    scorers = {}
    for version, share in ((1, rows), (2, rows[rows.height // 3 :])):
        scorers[version] = fit(share)
        register(scorers[version], folder)
    fill(rows, folder, "postgres", reload_seconds=1, body_seconds=BODY_SECONDS)
    return rows.drop(MODEL_FEATURES), scorers, describe_app(folder, AS_OF, workers)


async def soak(place: Place, history: pl.DataFrame) -> Seen:
    """All callers and all faults, until the time is over."""
    seen, moments = Seen(), itertools.count(1)
    cards, terminals = (history[name].unique().sort().to_list() for name in ("customer_id", "terminal_id"))
    callers = [
        call(place, seen, moments, cards[number :: CALLERS + 1], terminals[number :: CALLERS + 1])
        for number in range(CALLERS)
    ]
    rude = be_rude(place, seen, cards[CALLERS :: CALLERS + 1], terminals[CALLERS :: CALLERS + 1])
    faults = (restart_database(place, seen), change_champion(place, seen), kill_worker(place, seen), watch(place, seen))
    await asyncio.gather(*callers, rude, *faults)
    return seen


async def call(
    place: Place, seen: Seen, moments: Iterator[int], cards: Sequence[str], terminals: Sequence[str]
) -> None:
    """Send one transaction after the other; each again until it is answered."""
    chance = random.Random(cards[0])  # noqa: S311  no secret
    async with make_client(place) as client:
        while place.goes_on:
            sent = make_transaction(next(moments), chance.choice(cards), chance.choice(terminals), chance)
            await ask_until_answered(place, seen, client, sent)
            await asyncio.sleep(PAUSE_SECONDS)


async def ask_until_answered(place: Place, seen: Seen, client: httpx.AsyncClient, sent: dict[str, Any]) -> None:
    """Ask for a score, and again where the answer says that it may come later, or nobody answers."""
    for attempt in itertools.count():
        began = time.perf_counter()
        status, answer = await ask(client, json.dumps(sent).encode())
        if not attempt:
            seen.first_tries[str(status)] += 1
        if status == GOOD:
            seen.seconds.append(time.perf_counter() - began)
            seen.answers.append((sent, answer))
            return
        if status not in AGAIN or time.monotonic() > place.ends_at + PATIENCE_SECONDS:
            seen.unanswered += 1
            return
        await asyncio.sleep(AGAIN_SECONDS)


async def be_rude(place: Place, seen: Seen, cards: Sequence[str], terminals: Sequence[str]) -> None:
    """Send what must be refused, and hang up; cards and terminals are nobody else's."""
    chance = random.Random(0)  # noqa: S311  no secret
    good = json.dumps(make_transaction(10**7, cards[0], terminals[0], chance)).encode()
    async with make_client(place) as client:
        while place.goes_on:
            for name, body, headers in (
                ("no token", good, {"Authorization": "Bearer nothing"}),
                ("no JSON", good[:-1], {}),
                ("negative amount", good.replace(b'"amount": ', b'"amount": -'), {}),
                ("2 MB", b" " * 2_000_000 + good, {}),
            ):
                status, _ = await ask(client, body, headers)
                seen.refusals[name, str(status)] += 1
            for name, part, wait in (
                ("hung up in the body", 0.5, 0.0),
                ("hung up after it", 1.0, 0.0),
                ("slow", 0.5, 1.0),
            ):
                seen.refusals[name, await send_part(place, good, part, wait * BODY_SECONDS * 2)] += 1
            await asyncio.sleep(0.5)


async def restart_database(place: Place, seen: Seen) -> None:
    """Stop it as if its machine had lost power, and start it again."""
    while await pause(place, 45):
        await asyncio.to_thread(place.database.crash)
        await asyncio.sleep(0.5)
        await asyncio.to_thread(place.database.start)
        seen.faults["database stopped and started"] += 1


async def change_champion(place: Place, seen: Seen) -> None:
    """Move the alias to the other version."""
    client, versions = MlflowClient(), itertools.cycle(place.scorers)
    while await pause(place, 10):
        await asyncio.to_thread(client.set_registered_model_alias, NAME, "champion", str(next(versions)))
        seen.faults["champion changed"] += 1


async def kill_worker(place: Place, seen: Seen) -> None:
    """SIGKILL for the youngest of the app's workers; the first process starts another."""
    while await pause(place, 70):
        workers = find_workers(place)
        if len(workers) > 1:
            workers[-1].kill()
            seen.faults["worker killed"] += 1


async def watch(place: Place, seen: Seen) -> None:
    """Note the memory of the eldest worker, which nobody kills."""
    while await pause(place, 2):
        with contextlib.suppress(psutil.Error):
            seen.memory.append(find_workers(place)[0].memory_info().rss)


def find_workers(place: Place) -> list[psutil.Process]:
    """The processes that answer, the eldest first."""
    found = []
    for child in place.process.children():
        with contextlib.suppress(psutil.Error):
            if "spawn_main" in " ".join(child.cmdline()):
                found.append((child.create_time(), child.pid, child))
    return [child for _, _, child in sorted(found)] or [place.process]


async def pause(place: Place, seconds: float) -> bool:
    """Wait; whether there is time left afterwards."""
    await asyncio.sleep(min(seconds, max(place.ends_at - time.monotonic(), 0)))
    return place.goes_on


def make_client(place: Place) -> httpx.AsyncClient:
    """A caller with the token."""
    token = {"Authorization": f"Bearer {os.environ['FRAUD_SERVE_TOKEN']}", "Content-Type": "application/json"}
    return httpx.AsyncClient(base_url=f"http://127.0.0.1:{place.server.port}", headers=token, timeout=30)


async def ask(
    client: httpx.AsyncClient, body: bytes, headers: Mapping[str, str] | None = None
) -> tuple[int | str, dict[str, Any]]:
    """Status and answer, or that the connection ended."""
    try:
        answer = await client.post(PATH, content=body, headers=headers or {})
    except httpx.TransportError:
        return GONE, {}
    try:
        return answer.status_code, answer.json()
    except ValueError:
        return f"{answer.status_code} and no JSON", {}


async def send_part(place: Place, body: bytes, part: float, wait: float) -> str:
    """Send a part of a body, wait, and go; what was answered meanwhile."""
    head = f"POST {PATH} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n"
    head += f"Authorization: Bearer {os.environ['FRAUD_SERVE_TOKEN']}\r\n\r\n"
    try:
        reader, writer = await asyncio.open_connection("127.0.0.1", place.server.port)
        writer.write(head.encode() + body[: int(part * len(body))])
        await writer.drain()
        try:
            status = await asyncio.wait_for(reader.readline(), wait) if wait else b""
        finally:
            writer.close()
    except TimeoutError:
        return LATE
    except OSError:
        return GONE
    if status:
        return status.split(b" ")[1].decode()
    return GONE if wait else "no answer wanted"


def make_transaction(moment: int, card: str, terminal: str, chance: random.Random) -> dict[str, Any]:
    """A transaction at so many milliseconds of the day; each is later than all before."""
    return {
        "transaction_id": f"soak-{moment}",
        "event_time": (AS_OF + timedelta(milliseconds=moment)).isoformat(),
        "customer_id": card,
        "terminal_id": terminal,
        "amount": chance.randrange(1, 50_000) / 100,
    }


def judge(seen: Seen, history: pl.DataFrame, scorers: Mapping[int, Scorer]) -> dict[str, Any]:
    """Every answer against the definition, and what else was promised."""
    tries = seen.first_tries.total()
    if not tries or not seen.answers or not seen.memory:
        return {"first_tries": dict(seen.first_tries), "unanswered": seen.unanswered, "passed": False}
    wrong = count_wrong(seen.answers, history, scorers)
    failed = tries - seen.first_tries[str(GOOD)]
    strange = find_strange(seen.refusals)
    settled = seen.memory[len(seen.memory) // 5 :]
    growth = float(np.median(settled[-20:]) / np.median(settled[:20]))
    milliseconds = np.array(seen.seconds) * 1000
    found = {
        "transactions": len(seen.answers),
        "wrong_scores": wrong,
        "first_tries_failed": failed,
        "failed_share": round(failed / tries, 5),
        "first_tries": dict(seen.first_tries),
        "unanswered": seen.unanswered,
        "p50_ms": round(float(np.percentile(milliseconds, 50)), 1),
        "p99_ms": round(float(np.percentile(milliseconds, 99)), 1),
        "peak_memory_mib": round(max(seen.memory) / 2**20),
        "memory_growth": round(growth, 3),
        "faults": dict(seen.faults),
        "refusals": {f"{name}: {status}": count for (name, status), count in sorted(seen.refusals.items())},
        "strange_refusals": strange,
    }
    passed = (
        not wrong and not strange and not seen.unanswered and growth <= MOST_GROWTH and failed <= ERROR_BUDGET * tries
    )
    return {**found, "passed": passed}


def find_strange(refusals: Mapping[tuple[str, str], int]) -> dict[str, int]:
    """Refusals that no fault explains, and what was refused as documented too seldom."""
    strange = {
        f"{name}: {status}": count
        for (name, status), count in refusals.items()
        if name in REFUSED and status not in (*REFUSED[name], "503", GONE)
    }
    for name, wanted in REFUSED.items():
        sent = sum(count for (one, _), count in refusals.items() if one == name)
        rightly = sum(refusals.get((name, status), 0) for status in wanted)
        if rightly < LEAST_REFUSED * sent:
            strange[f"{name}: {wanted[0]}"] = rightly
    return strange


def count_wrong(
    answers: Sequence[tuple[dict[str, Any], dict[str, Any]]], history: pl.DataFrame, scorers: Mapping[int, Scorer]
) -> int:
    """How many answers differ, in one bit, from what the version that they name says of all that happened before."""
    sent = pl.DataFrame([one for one, _ in answers]).select(
        "transaction_id",
        pl.col("event_time").str.to_datetime(time_zone="UTC", time_unit="us"),
        "customer_id",
        "terminal_id",
        (pl.col("amount") * 100).round().cast(history.schema["amount_cents"]).alias("amount_cents"),
        pl.lit(None).cast(history.schema["is_fraud"]).alias("is_fraud"),
    )
    sent = sent.with_columns(known_at=pl.lit(None).cast(history.schema["known_at"]))
    every = pl.concat([history, sent.select(history.columns)], how="vertical_relaxed").sort(
        "event_time", "transaction_id"
    )
    features = compute_features(every)
    wanted = every.select("transaction_id").hstack(features.select(MODEL_FEATURES))
    said = pl.DataFrame(
        {
            "transaction_id": [one["transaction_id"] for one, _ in answers],
            "version": [answer["model_version"] for _, answer in answers],
            "probability": [answer["probability"] for _, answer in answers],
        }
    ).join(wanted, on="transaction_id", how="left", maintain_order="left")
    wrong = 0
    for (version,), rows in said.group_by("version"):
        matrix = rows.select(MODEL_FEATURES).to_numpy().astype(np.float32)
        wrong += int((scorers[version].probabilities(matrix) != rows["probability"].to_numpy()).sum())
    return wrong


if __name__ == "__main__":
    main()
