"""Every bad input has an answer of its own: problem details, no stack trace, no score."""

import asyncio
import json
import os
from datetime import UTC, datetime

import pytest
from starlette.requests import Request

from fraud_detection.errors import ModelError
from fraud_detection.scoring.online.champion import LiveModel
from fraud_detection.scoring.online.filling import fill
from fraud_detection.scoring.online.guard import read_body
from fraud_detection.scoring.online.postgres import PostgresStore
from fraud_detection.scoring.online.problems import Problem
from fraud_detection.scoring.online.settings import ServingSettings
from fraud_detection.scoring.online.sqlite import SqliteStore
from requests_online import JSON, SCORE
from requests_online import TRANSACTION as GOOD

NOW = datetime(2018, 10, 1, tzinfo=UTC)


async def fill_and_close(store):
    await fill(store, [], NOW)
    await store.close()


def change(**changes):
    return json.dumps(GOOD | changes)


def without(name):
    return json.dumps({key: value for key, value in GOOD.items() if key != name})


def told(answer):
    """Status and code of a problem, which is told as one and says nothing of the inside."""
    assert answer.headers["content-type"] == "application/problem+json"
    content = answer.json()
    assert content["status"] == answer.status_code
    assert not any(word in answer.text for word in ("Traceback", ".py", "File \\", "site-packages"))
    return answer.status_code, content["type"].removeprefix("urn:fraud:problem:")


INVALID = {
    "in the future": (change(event_time="2018-10-02T00:00:01Z"), "/event_time", "future_time"),
    "far in the future": (change(event_time="9999-12-31T23:59:59Z"), "/event_time", "future_time"),
    "ancient": (change(event_time="2018-08-31T23:59:59Z"), "/event_time", "ancient_time"),
    "older than the epoch": (change(event_time="0001-01-01T00:00:00Z"), "/event_time", "ancient_time"),
    "NaN": (change(amount=float("nan")), "/amount", "finite_number"),
    "infinite": (change(amount=float("inf")), "/amount", "finite_number"),
    "NaN as text": (change(amount="NaN"), "/amount", "finite_number"),
    "negative": (change(amount=-0.01), "/amount", "greater_than_equal"),
    "huge": (change(amount=1_000_000.01), "/amount", "huge_amount"),
    "beyond what tables hold": (change(amount=1e300), "/amount", "decimal_max_digits"),
    "fractions of a cent": (change(amount=1.005), "/amount", "decimal_max_places"),
    "amount as boolean": (change(amount=True), "/amount", "decimal_type"),
    "amount as list": (change(amount=[1]), "/amount", "decimal_type"),
    "amount as other text": (change(amount="12,50"), "/amount", "decimal_parsing"),
    "id as number": (change(transaction_id=5), "/transaction_id", "string_type"),
    "id is null": (change(customer_id=None), "/customer_id", "string_type"),
    "id is blank": (change(terminal_id="  "), "/terminal_id", "string_too_short"),
    "id is long": (change(terminal_id="x" * 129), "/terminal_id", "string_too_long"),
    "id tears rows apart": (change(transaction_id="a\x1fb"), "/transaction_id", "string_pattern_mismatch"),
    "time as number": (change(event_time=1538310896), "/event_time", "value_error"),
    "time as number in text": (change(event_time="1538310896"), "/event_time", "value_error"),
    "no such time": (change(event_time="2018-02-30T00:00:00Z"), "/event_time", "datetime_from_date_parsing"),
    **{f"no {name}": (without(name), f"/{name}", "missing") for name in GOOD},
    "unknown field": (change(amuont=1), "/amuont", "extra_forbidden"),
    "null": ("null", "", "model_type"),
    "a number": ("5", "", "model_type"),
    "one of several": (
        f"[{json.dumps(GOOD)}, {change(transaction_id='T2', amount=-1)}]",
        "/1/amount",
        "greater_than_equal",
    ),
    "twice in a request": (f"[{json.dumps(GOOD)}, {json.dumps(GOOD)}]", "/1/transaction_id", "double"),
}


@pytest.mark.parametrize("case", INVALID)
def test_a_transaction_that_breaks_the_contract_is_refused_with_the_place_and_the_reason(client, case):
    body, pointer, code = INVALID[case]

    answer = client.post(SCORE, content=body, headers=JSON)

    assert told(answer) == (422, "invalid")
    assert (answer.json()["errors"][0]["pointer"], answer.json()["errors"][0]["code"]) == (pointer, code)
    assert client.post(SCORE, json=GOOD).json()["flags"] == ["unknown_customer", "unknown_terminal"]


@pytest.mark.parametrize("time", ["2018-10-01T23:59:59Z", "2018-09-01T00:00:01", "2018-10-02T01:59:59+02:00"])
def test_times_at_the_limits_are_scored(client, time):
    assert client.post(SCORE, content=change(event_time=time), headers=JSON).status_code == 200


def test_the_limits_are_settings(make_client):
    client = make_client(future_hours=0, max_age_days=0.5, max_amount=10)

    answer = client.post(SCORE, json=GOOD | {"event_time": "2018-10-01T00:00:01Z"})

    assert [fault["code"] for fault in answer.json()["errors"]] == ["future_time", "huge_amount"]
    assert client.post(SCORE, json=GOOD | {"amount": 10, "event_time": "2018-09-30T12:00:00Z"}).status_code == 200


def test_an_unknown_customer_or_terminal_is_scored_with_a_flag(client):
    assert client.post(SCORE, json=GOOD).json()["flags"] == ["unknown_customer", "unknown_terminal"]
    assert client.post(SCORE, json=GOOD | {"transaction_id": "2"}).json()["flags"] == []
    other = GOOD | {"transaction_id": "3", "terminal_id": "M2"}
    assert client.post(SCORE, json=other).json()["flags"] == ["unknown_terminal"]


@pytest.mark.parametrize("body", ["", "{", '{"amount": ', "\xff\xfe", "[" * 100_000, '{"a": "\\ud800"}'])
def test_a_body_that_is_no_json_is_told_so(client, body):
    assert told(client.post(SCORE, content=body.encode("latin-1"), headers=JSON)) == (400, "not_json")


@pytest.mark.parametrize(("count", "expected"), [(0, 422), (3, 200), (4, 422)])
def test_a_request_has_at_least_one_and_not_too_many_transactions(make_client, count, expected):
    body = [GOOD | {"transaction_id": str(number)} for number in range(count)]

    assert make_client(max_transactions=3).post(SCORE, json=body).status_code == expected


def test_ten_megabytes_are_refused_before_they_are_read_and_when_their_size_is_not_told(client):
    body = b" " * 10_000_000

    assert told(client.post(SCORE, content=body, headers=JSON)) == (413, "too_large")
    parts = (body[start : start + 100_000] for start in range(0, len(body), 100_000))
    assert told(client.post(SCORE, content=parts, headers=JSON)) == (413, "too_large")


def test_a_body_that_does_not_arrive_is_given_up():
    async def receive():
        await asyncio.sleep(60)

    request = Request({"type": "http", "method": "POST", "headers": []}, receive)

    with pytest.raises(Problem) as raised:
        asyncio.run(read_body(request, ServingSettings(body_seconds=0.05), {"application/json": "json"}))
    assert (raised.value.status, raised.value.code) == (408, "slow_body")


def test_another_media_type_method_or_address_is_told_so(client):
    form = {"Content-Type": "application/x-www-form-urlencoded"}

    assert told(client.post(SCORE, content=json.dumps(GOOD), headers=form)) == (415, "bad_media_type")
    assert told(client.get(SCORE)) == (405, "bad_method")
    assert told(client.get("/api/v2/score")) == (404, "not_found")


def test_without_a_store_nothing_is_scored_and_the_app_is_not_ready(make_client, tmp_path):
    (tmp_path / "broken.db").write_bytes(b"no database" * 1000)
    client = make_client(store=SqliteStore(tmp_path / "broken.db", "x"))

    assert told(client.post(SCORE, json=GOOD)) == (503, "store_down")
    assert told(client.get("/readyz")) == (503, "store_down")
    assert client.get("/healthz").status_code == 200


def test_postgres_that_dies_is_a_503_until_it_is_back(make_client, database):
    asyncio.run(fill_and_close(PostgresStore("x")))
    client = make_client(store=PostgresStore("x"))

    assert client.post(SCORE, json=GOOD).status_code == 200
    database.stop()
    answer = client.post(SCORE, json=GOOD | {"transaction_id": "2"})
    assert told(answer) == (503, "store_down")
    assert answer.headers["retry-after"]
    assert not any(value in answer.text for value in (os.environ["PGHOST"], os.environ["PGPORT"]))
    database.start()
    assert client.post(SCORE, json=GOOD | {"transaction_id": "2"}).json()["flags"] == []


def test_a_store_that_was_never_filled_scores_nobody(make_client, tmp_path):
    client = make_client(store=SqliteStore(tmp_path / "new.db", "x"))

    assert told(client.get("/readyz")) == (503, "store_down")
    assert told(client.post(SCORE, json=GOOD)) == (503, "store_down")


def test_without_a_champion_nothing_is_scored(make_client):
    client = make_client(live=LiveModel("fraud", lambda: None, None))

    assert told(client.post(SCORE, json=GOOD)) == (503, "no_champion")
    assert told(client.post("/invocations", json={})) == (503, "no_champion")
    assert told(client.get("/readyz")) == (503, "no_champion")


def test_a_model_that_does_not_load_is_told_so_and_the_log_says_why(make_client, caplog):
    def load(version):
        raise ModelError(f"version {version} is torn")

    client = make_client(live=LiveModel("fraud", lambda: 3, load))

    answer = client.post(SCORE, json=GOOD)
    assert told(answer) == (503, "model_failed")
    assert "torn" not in answer.text
    assert "version 3 is torn" in caplog.text


def test_a_new_model_that_does_not_load_leaves_the_old_one_in_use(model):
    versions = iter([1, 2, 2])

    def load(version):
        if version == 2:
            raise OSError("no such file")
        return model

    live = LiveModel("fraud", lambda: next(versions), load)

    async def renew_twice():
        await live.renew()
        await live.renew()

    asyncio.run(renew_twice())
    assert live.current() is model


def test_what_nobody_expected_is_a_500_without_its_inside_and_others_are_scored(make_client, tmp_path):
    class Poisoned(SqliteStore):
        async def read(self, kind, entities, since):
            if "poison" in entities:
                raise RuntimeError("of all things")
            return await super().read(kind, entities, since)

    store = Poisoned(tmp_path / "p.db", "x")
    asyncio.run(fill(store, [], NOW))
    client = make_client(store=store)

    assert told(client.post(SCORE, json=GOOD | {"customer_id": "poison"})) == (500, "failed")
    assert client.post(SCORE, json=GOOD).status_code == 200
