"""Whatever is sent, the answer is a score or a problem of the list: never a 500, a stack trace, a number that is none.

FUZZ_EXAMPLES says how many bodies of each kind are tried; `make faults` tries very many.
"""

import json
import math

import pytest
from hypothesis import HealthCheck, given
from hypothesis import strategies as st

from fraud_detection.features.registry import MODEL_FEATURES
from fraud_detection.scoring.online.problems import CODES
from fuzzing import fuzz
from requests_online import JSON, SCORE, TRANSACTION

INVOCATIONS = "/invocations"
EVERYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.integers(10**300, 10**400) | st.floats() | st.text(max_size=40),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=20), inner, max_size=3),
    max_leaves=8,
)
NEARLY_GOOD = {
    "event_time": st.datetimes().map(str) | st.sampled_from(["2018-09-30T24:00:00Z", "-1", "2018-W40-1"]),
    "amount": st.decimals().map(str) | st.floats() | st.integers(),
    **{name: st.text(max_size=200) for name in ("transaction_id", "customer_id", "terminal_id")},
}
FIELDS = st.fixed_dictionaries({}, optional={name: values | EVERYTHING for name, values in NEARLY_GOOD.items()})
TRANSACTIONS = st.builds(
    lambda changed, more: {**TRANSACTION, **changed, **more}, FIELDS, st.just({}) | st.just({"x": 1})
)
AWKWARD = st.sampled_from([10**400, -(10**400), 1e308, math.nan, math.inf, "1e999", "x", True, None, [], {}])
ROWS = st.lists(st.dictionaries(st.sampled_from(MODEL_FEATURES), AWKWARD | EVERYTHING, max_size=3), max_size=3)
FULL_ROWS = ROWS.map(lambda rows: [dict.fromkeys(MODEL_FEATURES, 1.0) | row for row in rows])
TABLES = st.sampled_from(["dataframe_records", "dataframe_split", "instances", "inputs", "no such form"])
PARAMS = st.fixed_dictionaries({"params": EVERYTHING | st.fixed_dictionaries({"reasons": AWKWARD | st.integers()})})
CALLS = st.builds(
    lambda form, rows, params: {form: rows} | params,
    st.just("dataframe_records") | TABLES,
    FULL_ROWS | ROWS | EVERYTHING,
    st.just({}) | PARAMS,
)
PASSED_OVER = (HealthCheck.function_scoped_fixture, HealthCheck.too_slow)


def require_defined(answer):
    """A good answer, or a problem with one of the codes that the documentation lists."""
    if answer.status_code == 200:
        return answer.json()
    assert answer.headers["content-type"] == "application/problem+json"
    told = answer.json()
    code = told["type"].removeprefix("urn:fraud:problem:")
    assert code != "failed", answer.text
    assert (told["status"], told["title"]) == CODES[code]
    assert not any(word in answer.text for word in ("Traceback", "site-packages"))
    return None


@fuzz(*PASSED_OVER)
@given(body=TRANSACTIONS | st.lists(TRANSACTIONS, max_size=3) | EVERYTHING)
def test_whatever_is_sent_as_transactions_has_a_defined_answer(client, body):
    scores = require_defined(client.post(SCORE, content=json.dumps(body), headers=JSON))
    for score in scores if isinstance(scores, list) else [scores] if scores else []:
        assert 0 <= score["probability"] <= 1


@fuzz(*PASSED_OVER)
@given(body=CALLS)
def test_whatever_is_sent_as_features_has_a_defined_answer(client, body):
    answer = require_defined(client.post(INVOCATIONS, content=json.dumps(body), headers=JSON))
    for prediction in answer["predictions"] if answer else []:
        assert 0 <= prediction["probability"] <= 1
        assert math.isfinite(prediction["probability"])


@fuzz(*PASSED_OVER)
@given(body=st.binary(max_size=200), kind=st.sampled_from(["application/json", "text/csv", "text/plain", "", "é"]))
@pytest.mark.parametrize("address", [SCORE, INVOCATIONS, "/nowhere", "/metrics"])
def test_whatever_bytes_are_sent_have_a_defined_answer(client, address, body, kind):
    require_defined(client.post(address, content=body, headers={"Content-Type": kind.encode()}))
