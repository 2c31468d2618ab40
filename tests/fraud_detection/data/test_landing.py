"""Landing files: what happened arrives, late or dirty now and then, and whole in the end."""

import json
from datetime import UTC, datetime, timedelta

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from fraud_detection.data.generator import World, generate_transactions
from fraud_detection.data.landing import BAD_AMOUNTS, CLEAN, Dirt, as_of, write_answers, write_landing
from fraud_detection.errors import ConfigurationError

WORLD = World(customers=300, terminals=400, days=30, seed=3)
DAYS = [WORLD.start + timedelta(days=day) for day in range(WORLD.days)]
WEEK = timedelta(days=7)
DIRT = Dirt(broken=0.05, duplicate=0.1, late=0.08, bad_amount=0.06)


@pytest.fixture(scope="module")
def transactions():
    return generate_transactions(WORLD)


@pytest.fixture(scope="module")
def land(transactions, tmp_path_factory):
    def write(dirt):
        folder = tmp_path_factory.mktemp("landing")
        assert list(write_landing(transactions, WORLD, dirt, folder)) == DAYS
        return folder

    return write


@pytest.fixture(scope="module")
def dirty(land):
    return land(DIRT)


def lines_of(folder, day):
    return (folder / "transactions" / f"{day}.jsonl").read_text(encoding="utf-8").splitlines()


def expected_line(row):
    return (
        f'{{"transaction_id":"{row["transaction_id"]}","event_time":"{row["event_time"]:%Y-%m-%dT%H:%M:%SZ}",'
        f'"customer_id":"{row["customer_id"]}","terminal_id":"{row["terminal_id"]}",'
        f'"amount":{row["amount_cents"] // 100}.{row["amount_cents"] % 100:02}}}'
    )


def lines_by_day(transactions):
    days = {day: [] for day in DAYS}
    for row in transactions.iter_rows(named=True):
        days[row["event_time"].date()].append(expected_line(row))
    return days


def test_without_dirt_each_day_holds_its_transactions_line_by_line(land, transactions):
    folder = land(CLEAN)
    assert {day: lines_of(folder, day) for day in DAYS} == lines_by_day(transactions)


def test_labels_arrive_after_seven_days_with_the_time_at_which_they_became_known(dirty, transactions):
    for number, day in enumerate(DAYS):
        text = (dirty / "labels" / f"{day}.csv").read_text(encoding="utf-8")
        assert text.splitlines()[0] == "transaction_id,is_fraud,known_at"
        happened = transactions.filter(pl.col("event_time").dt.date() == day - WEEK)
        assert happened.is_empty() == (number < 7)
        assert text.splitlines()[1:] == [
            f"{row['transaction_id']},{str(row['is_fraud']).lower()},{row['event_time'] + WEEK:%Y-%m-%dT%H:%M:%SZ}"
            for row in happened.iter_rows(named=True)
        ]


def test_dirt_appears_in_the_stated_shares(dirty, transactions):
    days = {day: set(lines) for day, lines in lines_by_day(transactions).items()}
    all_whole = set().union(*days.values())
    arrived = [(day, line) for day in DAYS for line in lines_of(dirty, day)]
    on_time = [line for day, line in arrived if line in days[day]]
    others = [line for day, line in arrived if line not in days[day]]
    twice = len(on_time) - len(set(on_time))
    cut = [line for line in others if not line.endswith("}")]
    late = [line for line in others if line in all_whole]
    bad = len(others) - len(cut) - len(late)
    assert twice == pytest.approx(DIRT.duplicate * transactions.height, rel=0.1)
    assert len(cut) == pytest.approx(DIRT.broken * transactions.height, rel=0.1)
    assert bad == pytest.approx(DIRT.bad_amount * transactions.height, rel=0.1)
    held_back = DIRT.broken + DIRT.bad_amount + DIRT.late
    assert len(late) == pytest.approx(held_back * transactions.height * 28 / 30, rel=0.1)


def test_what_does_not_arrive_whole_on_its_day_arrives_whole_two_days_later(dirty, transactions):
    days = lines_by_day(transactions)
    for day in DAYS[:-2]:
        on_time = set(lines_of(dirty, day))
        missing = [line for line in days[day] if line not in on_time]
        later = lines_of(dirty, day + timedelta(days=2))
        assert missing
        assert later[-len(missing) :] == missing


def test_a_bad_amount_spoils_nothing_else_of_its_line(dirty, transactions):
    whole = {line[: line.rindex(":")] for lines in lines_by_day(transactions).values() for line in lines}
    bad = [line for day in DAYS for line in lines_of(dirty, day) if line.endswith("}")]
    assert all(line[: line.rindex(":")] in whole for line in bad)
    assert {line[line.rindex(":") + 1 : -1] for line in bad} >= set(BAD_AMOUNTS)


def test_a_broken_line_is_no_json(dirty):
    cut = [line for day in DAYS for line in lines_of(dirty, day) if not line.endswith("}")]
    assert cut
    for line in cut:
        with pytest.raises(json.JSONDecodeError):
            json.loads(line)


def test_the_same_seed_makes_the_same_files_and_another_other_dirt(dirty, land, transactions, tmp_path):
    again = land(DIRT)
    assert [lines_of(again, day) for day in DAYS] == [lines_of(dirty, day) for day in DAYS]
    for _ in write_landing(transactions, World(300, 400, 30, seed=4), DIRT, tmp_path):
        pass
    assert [lines_of(tmp_path, day) for day in DAYS] != [lines_of(dirty, day) for day in DAYS]


def test_a_file_appears_under_its_name_when_it_is_complete(transactions, tmp_path, monkeypatch):
    class DiskFullError(OSError):
        pass

    def fill_the_disk(path, text, encoding):
        path.open("w", encoding=encoding).write(text[: len(text) // 2])
        raise DiskFullError

    writing = write_landing(transactions, WORLD, CLEAN, tmp_path)
    next(writing)
    monkeypatch.setattr("pathlib.Path.write_text", fill_the_disk)
    with pytest.raises(DiskFullError):
        next(writing)
    left = sorted(path.name for path in (tmp_path / "transactions").iterdir())
    assert left == ["2018-04-01.jsonl", "_2018-04-02.jsonl.writing"]  # names with an underscore are not read


def test_only_the_answers_know_the_scenario(transactions, dirty, tmp_path):
    write_answers(transactions, tmp_path / "new" / "answers.parquet")
    answers = pl.read_parquet(tmp_path / "new" / "answers.parquet")
    assert_frame_equal(answers, transactions.select("transaction_id", "is_fraud", "scenario"))
    assert not [path for path in dirty.rglob("*") if path.is_file() and "scenario" in path.read_text()]


def test_now_is_the_midnight_after_the_last_day():
    assert as_of(WORLD).replace(tzinfo=UTC) == datetime(2018, 5, 1, tzinfo=UTC)


@pytest.mark.parametrize("share", [-0.1, 1.5, float("nan")])
def test_a_share_that_is_none_is_refused(share):
    with pytest.raises(ConfigurationError, match=r"dirt late is .*; expected a share from 0 to 1"):
        Dirt(late=share)


def test_shares_that_exceed_the_whole_are_refused():
    with pytest.raises(ConfigurationError, match=r"dirt shares add up to 1\.2"):
        Dirt(broken=0.3, duplicate=0.3, late=0.3, bad_amount=0.3)
