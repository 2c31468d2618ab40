"""The addresses of the app: scores, tokens, limits, readiness, figures, description."""

import json

import mlflow
import pandas as pd
import pytest
from mlflow.pyfunc.scoring_server import init
from starlette.testclient import TestClient

from fraud_detection.features.registry import MODEL_FEATURES
from fraud_detection.models import scorer, tracking
from fraud_detection.scoring.online.answers import Score
from requests_online import SCORE, TRANSACTION


def make(**changes):
    return TRANSACTION | changes


def test_a_transaction_gets_a_score_a_decision_reasons_and_the_version(client):
    answer = client.post(SCORE, json=TRANSACTION)

    assert answer.status_code == 200
    score = Score.model_validate(answer.json(), strict=False)
    assert 0 < score.probability < 1
    assert score.is_alert == (score.probability >= score.threshold)
    assert (score.model_name, score.model_version, score.variant) == ("fraud", 1, "champion")
    assert 0 < len(score.reasons) <= 3
    assert {reason.feature for reason in score.reasons} <= set(MODEL_FEATURES)


def test_several_get_scores_in_their_order(client):
    sent = [make(transaction_id=name, event_time=f"2018-09-30T12:0{place}:00Z") for place, name in enumerate("dbca")]

    answer = client.post(SCORE, json=sent[::-1])

    assert [score["transaction_id"] for score in answer.json()] == list("acbd")


def test_what_was_scored_is_history_for_the_next_and_counts_once_when_sent_again(client):
    first, again = (client.post(SCORE, json=TRANSACTION).json() for _ in range(2))
    later = [make(transaction_id="T2", event_time="2018-09-30T13:00:00Z", customer_id=card) for card in ("C1", "C2")]
    seen, unseen = (client.post(SCORE, json=one).json() for one in later)

    assert first["flags"] == ["unknown_customer", "unknown_terminal"]
    assert again["probability"] == first["probability"]
    assert seen["flags"] == []
    assert unseen["flags"] == ["unknown_customer"]


def test_an_id_with_quotes_and_other_letters_comes_back_as_it_was(client):
    name = 'T"1\\\\ é 🙂'

    assert client.post(SCORE, json=make(transaction_id=name)).json()["transaction_id"] == name


@pytest.mark.parametrize(
    "headers",
    [{}, {"Authorization": "Bearer wrong"}, {"Authorization": "Basic eA=="}, {"X-Api-Key": ""}, {"X-Api-Key": "é"}],
)
@pytest.mark.parametrize("address", [SCORE, "/invocations", "/metrics", "/nowhere"])
def test_without_the_token_nothing_is_told(make_client, headers, address):
    client = make_client()
    client.headers.clear()

    answer = client.post(address, json=TRANSACTION, headers={name: value.encode() for name, value in headers.items()})

    assert (answer.status_code, answer.json()["type"]) == (401, "urn:fraud:problem:unauthorised")
    assert answer.headers["www-authenticate"] == "Bearer"


def test_the_own_header_wins_for_where_the_platform_uses_the_other_and_an_old_token_is_good_meanwhile(client):
    client.headers["Authorization"] = "Bearer of-the-platform"

    assert client.post(SCORE, json=TRANSACTION, headers={"X-Api-Key": "the-token-before-it"}).status_code == 200


def test_too_many_requests_are_refused_until_time_has_passed(make_client):
    client = make_client(requests_per_second=0.01, burst=2)

    answers = [client.post(SCORE, json=TRANSACTION) for _ in range(3)]

    assert [answer.status_code for answer in answers] == [200, 200, 429]
    assert answers[2].headers["retry-after"]


def test_guessing_tokens_is_slow_and_does_not_hinder_who_has_one(make_client):
    client = make_client(refusals_per_second=2)

    guesses = [client.post(SCORE, json=TRANSACTION, headers={"X-Api-Key": "guess"}).status_code for _ in range(5)]

    assert guesses == [401, 401, 429, 429, 429]
    assert client.post(SCORE, json=TRANSACTION).status_code == 200


def test_health_and_readiness_need_no_token_and_tell_the_version(client):
    client.headers.clear()

    assert client.get("/healthz").json() == {"status": "ok"}
    assert client.get("/readyz").json() == {"status": "ready", "model_name": "fraud", "model_version": 1}


def test_prometheus_finds_requests_times_scores_and_the_version(client):
    client.post(SCORE, json=TRANSACTION)
    client.get("/a/path/that/someone/made/up")

    text = client.get("/metrics").text

    assert 'fraud_requests_total{path="/api/v1/score",status="200"}' in text
    assert 'fraud_requests_total{path="other",status="404"}' in text
    assert "fraud_transactions_scored_total" in text
    assert "fraud_model_version 1.0" in text
    assert "made/up" not in text


def test_openapi_has_examples_that_the_app_answers_and_every_schema_that_it_names(client):
    client.headers.clear()
    told = client.get("/openapi.json").json()

    body = told["paths"][SCORE]["post"]["requestBody"]["content"]["application/json"]
    examples = {name: example["value"] for name, example in body["examples"].items()}
    assert set(examples) == {"one", "several"}
    for example in examples.values():
        sent = client.post(SCORE, json=example, headers={"X-Api-Key": "the-token-before-it"})
        assert sent.status_code == 200
    named = {part.split('"')[0] for part in json.dumps(told).split("#/components/schemas/")[1:]}
    assert {"Transaction", "Score", "Reason"} <= named <= set(told["components"]["schemas"])
    assert {"200", "400", "401", "413", "422", "429", "503"} <= set(told["paths"][SCORE]["post"]["responses"])
    page = client.get("/docs")
    assert page.status_code == 200
    assert "http" not in page.text.replace('href="openapi.json"', "").replace("HTTP", "").split("<h1>")[0]


def test_as_an_app_on_databricks_everything_is_below_api(make_client):
    client = make_client(prefix="/api")

    found = {path: client.get(path).status_code for path in ("/api/healthz", "/api/readyz", "/api/docs", "/healthz")}

    assert found == {"/api/healthz": 200, "/api/readyz": 200, "/api/docs": 200, "/healthz": 404}
    assert client.post(SCORE, json=TRANSACTION).status_code == 200


@pytest.fixture(scope="module")
def theirs(model, tmp_path_factory):
    """MLflow's own scoring server, on the same model as MLflow stores and loads it."""
    folder = tmp_path_factory.mktemp("served")
    model.scorer.save(folder / scorer.ARTIFACT)
    mlflow.pyfunc.save_model(
        folder / "model",
        python_model=scorer.__file__,
        artifacts={scorer.ARTIFACT: str(folder / scorer.ARTIFACT)},
        signature=tracking._signature(MODEL_FEATURES),
        pip_requirements=["xgboost-cpu"],
    )
    with TestClient(init(mlflow.pyfunc.load_model(str(folder / "model")))) as opened:
        yield opened


ROWS = pd.DataFrame([[1.5 * place for place in range(len(MODEL_FEATURES))], [2.0] * len(MODEL_FEATURES)])
ROWS.columns = list(MODEL_FEATURES)


@pytest.mark.parametrize(
    "body",
    [
        {"dataframe_split": ROWS.to_dict("split")},
        {"dataframe_records": ROWS.to_dict("records")},
        {"dataframe_split": ROWS.to_dict("split"), "params": {"reasons": 2}},
        {"instances": ROWS.to_dict("records")},
        {"inputs": ROWS.to_dict("list")},
    ],
    ids=["split", "records", "reasons", "instances", "inputs"],
)
def test_invocations_answer_as_mlflows_scoring_server(client, theirs, body):
    expected = theirs.post("/invocations", json=body)

    answer = client.post("/invocations", json=body)

    assert expected.status_code == answer.status_code == 200, expected.text
    assert answer.json() == expected.json()
    assert len(answer.json()["predictions"]) == 2


def test_invocations_read_csv_too(client):
    sent = client.post("/invocations", content=ROWS.to_csv(index=False), headers={"Content-Type": "text/csv"})

    assert sent.json() == client.post("/invocations", json={"dataframe_records": ROWS.to_dict("records")}).json()


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("{", (400, "not_json")),
        ('{"dataframe_split": 5}', (400, "bad_request")),
        ("[]", (400, "bad_request")),
        ('{"dataframe_records": [{"amount": 1}]}', (400, "bad_request")),
        (json.dumps({"dataframe_records": [dict.fromkeys(MODEL_FEATURES, "x")]}), (400, "bad_request")),
        (json.dumps({"inputs": {"amount": [1]}, "params": {"reasons": "x"}}), (400, "bad_request")),
        (json.dumps({"dataframe_records": [dict.fromkeys(MODEL_FEATURES, 10**400)]}), (400, "bad_request")),
        ('{"inputs": {"amount": [1]}, "params": {"reasons": 1e999}}', (400, "bad_request")),
        ("[" * 100_000, (400, "not_json")),
    ],
)
def test_invocations_refuse_what_is_no_table_of_features(client, body, expected):
    answer = client.post("/invocations", content=body, headers={"Content-Type": "application/json"})

    assert (answer.status_code, answer.json()["type"].removeprefix("urn:fraud:problem:")) == expected
