"""Both stores keep the same promises; PostgreSQL is a real server."""

import asyncio
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from fraud_detection.errors import DataError, StoreError
from fraud_detection.scoring.online import postgres
from fraud_detection.scoring.online.history import NEVER, NUMBERS, STORED, Labels, Rows, pack
from fraud_detection.scoring.online.postgres import PostgresStore
from fraud_detection.scoring.online.sqlite import SqliteStore

DAY = 86_400_000_000
START = 17_700 * DAY
USUAL = STORED.index("customer_usual_amount")


def make_rows(*rows):
    """Rows of (id, day, card, terminal, cents) and perhaps (is_fraud, known day)."""
    full = [(*row, 0, None) if len(row) == 5 else row for row in rows]
    ids, days, cards, terminals, cents, frauds, known = zip(*full, strict=True)
    times = [START + round(day * DAY) for day in days]
    known_at = [NEVER if day is None else START + round(day * DAY) for day in known]
    numbers = [np.array(column, dtype=np.int64) for column in (times, cents, frauds, known_at)]
    features = [np.array(cents) / 7 + place for place in range(len(STORED))]
    return Rows(ids, cards, terminals, pack(numbers, features))


def make_labels(*labels):
    ids, frauds, days = zip(*labels, strict=True)
    return Labels(ids, frauds, [START + round(day * DAY) for day in days])


def using(make_store, scenario):
    """Run a scenario with a store, and close that."""

    async def run():
        store = make_store()
        try:
            return await scenario(store)
        finally:
            await store.close()

    return asyncio.run(run())


def seen(history):
    times = [(time - START) / DAY for time in history.event_time.tolist()]
    return list(zip(history.transaction_id, times, history.amount_cents.tolist(), strict=True))


def test_what_was_added_is_read_back_by_card_and_by_terminal_in_order_of_time_and_id(make_store):
    async def scenario(store):
        await store.add(make_rows(("b", 3, "c1", "m1", 300), ("a", 3, "c1", "m2", 200), ("z", 1, "c1", "m1", 100)))
        await store.add(make_rows(("é", 3, "c1", "m1", 250), ("y", 95, "c1", "m1", 900), ("q", 1, "c2", "m1", 5)))
        return [await store.read(kind, ["c1", "m1", "nobody"], 0) for kind in ("customer_id", "terminal_id")]

    cards, terminals = using(make_store, scenario)

    assert set(cards) == {"c1"}
    assert set(terminals) == {"m1"}
    assert seen(cards["c1"]) == [("z", 1, 100), ("a", 3, 200), ("b", 3, 300), ("é", 3, 250), ("y", 95, 900)]
    assert seen(terminals["m1"]) == [("q", 1, 5), ("z", 1, 100), ("b", 3, 300), ("é", 3, 250), ("y", 95, 900)]
    assert cards["c1"].features[STORED[USUAL]].tolist() == [cents / 7 + USUAL for cents in (100, 200, 300, 250, 900)]
    assert cards["c1"].known_at.tolist() == [NEVER] * 5
    assert not cards["c1"].is_fraud.any()


def test_rows_from_the_asked_time_on_are_there(make_store):
    async def scenario(store):
        await store.add(make_rows(("old", 1, "c1", "m1", 1), ("new", 200, "c1", "m1", 2)))
        return await store.read("customer_id", ["c1"], START + 150 * DAY)

    assert seen(using(make_store, scenario)["c1"]) == [("new", 200, 2)]


def test_a_transaction_that_comes_again_counts_once_and_its_new_content_wins(make_store):
    async def scenario(store):
        rows = make_rows(("a", 1, "c1", "m1", 100), ("b", 2, "c1", "m1", 200))
        await store.add(rows)
        await store.add(rows)
        await store.add(make_rows(("a", 40, "c2", "m2", 111)))
        kinds = {"customer_id": ("c1", "c2"), "terminal_id": ("m1", "m2")}
        return await store.count(), [await store.read(kind, names, 0) for kind, names in kinds.items()]

    count, (cards, terminals) = using(make_store, scenario)

    assert count == 2
    assert {name: seen(one) for name, one in (cards | terminals).items()} == {
        **{name: [("b", 2, 200)] for name in ("c1", "m1")},
        **{name: [("a", 40, 111)] for name in ("c2", "m2")},
    }


def test_a_label_finds_its_transaction_before_or_after_and_stays_when_that_is_scored_again(make_store):
    async def scenario(store):
        await store.add_labels(make_labels(("early", True, 9)))
        await store.add(
            make_rows(("early", 1, "c1", "m1", 1), ("late", 2, "c1", "m1", 2), ("with", 3, "c1", "m1", 3, 1, 11))
        )
        await store.add_labels(make_labels(("late", False, 10)))
        await store.add(make_rows(("early", 1, "c1", "m1", 5), ("late", 50, "c1", "m1", 6), ("with", 3, "c1", "m1", 7)))
        return await store.read("terminal_id", ["m1"], 0)

    history = using(make_store, scenario)["m1"]

    assert seen(history) == [("early", 1, 5), ("with", 3, 7), ("late", 50, 6)]
    assert history.is_fraud.tolist() == [True, True, False]
    assert [(known - START) / DAY for known in history.known_at.tolist()] == [9, 11, 10]


def test_old_events_are_dropped_by_pruning(make_store):
    async def scenario(store):
        await store.add(make_rows(("old", 1, "c1", "m1", 1), ("new", 200, "c1", "m1", 2)))
        await store.prune(START + 150 * DAY)
        return await store.read("customer_id", ["c1"], 0), await store.count()

    cards, count = using(make_store, scenario)

    assert (seen(cards["c1"]), count) == ([("new", 200, 2)], 1)


def test_a_customer_who_is_erased_is_gone_from_terminals_and_from_the_file_too(make_store, tmp_path):
    async def scenario(store):
        await store.add(make_rows(("SECRET-1", 1, "c1", "m1", 1), ("b", 2, "c2", "m1", 2)))
        gone = await store.erase("c1")
        return gone, await store.read("customer_id", ["c1"], 0), await store.read("terminal_id", ["m1"], 0)

    gone, cards, terminals = using(make_store, scenario)

    assert (gone, cards, seen(terminals["m1"])) == (1, {}, [("b", 2, 2)])
    assert [file.name for file in tmp_path.iterdir() if b"SECRET-1" in file.read_bytes()] == []


def test_several_workers_add_to_one_card_at_once_and_nothing_is_lost(make_store):
    def work(number):
        async def add(store):
            for turn in range(10):
                await store.add(make_rows((f"{number}-{turn}", turn, "c1", "m1", turn)))

        using(make_store, add)

    async def read(store):
        return await store.read("customer_id", ["c1"], 0), await store.read("terminal_id", ["m1"], 0)

    with ThreadPoolExecutor(4) as workers:
        list(workers.map(work, range(4)))
    cards, terminals = using(make_store, read)

    expected = [(f"{number}-{turn}", turn, turn) for turn in range(10) for number in range(4)]
    assert seen(cards["c1"]) == seen(terminals["m1"]) == expected


def test_a_store_that_was_never_filled_or_by_other_features_is_refused(make_store):
    async def check(definition):
        store = make_store(definition)
        try:
            await store.check()
        finally:
            await store.close()

    async def fill(definition, *rows):
        store = make_store(definition)
        await store.begin()
        await store.add(make_rows(*rows))
        await store.finish()
        count = await store.count()
        await store.close()
        return count

    with pytest.raises(StoreError, match="has not been filled"):
        asyncio.run(check("one"))
    assert asyncio.run(fill("one", ("a", 1, "c", "m", 1))) == 1
    assert asyncio.run(fill("one", ("b", 1, "c", "m", 1))) == 2
    asyncio.run(check("one"))
    with pytest.raises(StoreError, match="features of definition one; expected other"):
        asyncio.run(check("other"))
    assert asyncio.run(fill("other", ("c", 1, "c", "m", 1))) == 1


def test_postgres_that_is_down_is_a_store_error_and_is_used_again_once_it_is_up(database):
    async def scenario(store):
        await store.add(make_rows(("a", 1, "c1", "m1", 1)))
        database.stop()
        with pytest.raises(StoreError, match="PostgreSQL does not answer"):
            await store.read("customer_id", ["c1"], 0)
        database.start()
        return await store.read("customer_id", ["c1"], 0)

    assert seen(using(lambda: PostgresStore("x"), scenario)["c1"]) == [("a", 1, 1)]


@pytest.mark.usefixtures("database")
def test_to_a_database_on_another_machine_nothing_is_said_without_tls_unless_it_is_allowed(monkeypatch):
    def count():
        return using(lambda: PostgresStore("x"), lambda store: store.count())

    monkeypatch.delenv("PGSSLMODE")
    assert count() == 0
    monkeypatch.setattr(postgres, "HERE", frozenset())  # the test's server, seen from elsewhere
    with pytest.raises(StoreError, match="rejected SSL upgrade"):
        count()
    monkeypatch.setenv("PGSSLMODE", "prefer")
    assert count() == 0


def test_a_file_that_is_no_database_is_a_store_error(tmp_path):
    (tmp_path / "online.db").write_bytes(b"not a database" * 1000)

    with pytest.raises(StoreError, match=r"online\.db does not answer: file is not a database"):
        using(lambda: SqliteStore(tmp_path / "online.db", "x"), lambda store: store.count())


def test_an_id_that_would_tear_two_rows_apart_is_refused_and_nothing_is_written(tmp_path):
    async def scenario(store):
        with pytest.raises(DataError, match="holds the character"):
            await store.add(make_rows(("fine", 1, "c", "m", 1), ("a\x1fb", 1, "c", "m", 1)))
        return await store.count()

    assert using(lambda: SqliteStore(tmp_path / "online.db", "x"), scenario) == 0


def test_the_columns_that_are_stored_are_those_that_groups_need():
    assert STORED == ("customer_usual_amount", "amount_over_usual")
    assert len(NUMBERS) == 4
