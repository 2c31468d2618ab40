"""Card numbers that reach the app: tokens behind its door, refused without a key."""

import json

from fraud_detection.card_numbers import KEYS, CardKeys, holds_card_number
from fraud_detection.scoring.online.filling import erase
from fraud_detection.scoring.online.launch import load_settings, open_store
from requests_online import SCORE
from requests_online import TRANSACTION as GOOD

NUMBER = "4111111111111111"
KEY = b"1" * 32
WITH_NUMBER = {**GOOD, "customer_id": NUMBER}


def stored(folder):
    """All that lies in the store, the parts of it that the database has freed included."""
    return b"".join(path.read_bytes() for path in folder.glob("app.db*")).decode("latin-1")


def test_a_number_is_stored_as_its_token_and_its_history_is_found_by_either(make_client, tmp_path):
    keys = CardKeys((KEY,))
    client = make_client(keys=keys)
    token = keys.tokenise(NUMBER)
    first = client.post(SCORE, json=WITH_NUMBER).json()
    again = client.post(SCORE, json={**GOOD, "transaction_id": "T2", "customer_id": token}).json()
    grouped = client.post(SCORE, json={**GOOD, "transaction_id": "T3", "customer_id": "4111 1111 1111 1111"}).json()
    assert "unknown_customer" in first["flags"]
    assert "unknown_customer" not in again["flags"] + grouped["flags"]
    assert token in stored(tmp_path)
    assert not holds_card_number(stored(tmp_path))


def test_without_a_key_a_number_is_refused_and_neither_stored_nor_repeated(make_client, tmp_path, caplog):
    client = make_client()
    one = client.post(SCORE, json=WITH_NUMBER)
    many = client.post(SCORE, json=[GOOD, {**GOOD, "transaction_id": NUMBER}])
    assert (one.status_code, many.status_code) == (422, 422)
    assert [error["pointer"] for answer in (one, many) for error in answer.json()["errors"]] == [
        "/customer_id",
        "/1/transaction_id",
    ]
    assert {error["code"] for answer in (one, many) for error in answer.json()["errors"]} == {"card_number"}
    assert not holds_card_number(one.text + many.text + caplog.text + stored(tmp_path))


def test_a_store_that_was_filled_by_other_keys_is_another_store(monkeypatch):
    plain = open_store(load_settings(""))
    monkeypatch.setenv(KEYS, KEY.hex())
    keyed = open_store(load_settings(""))
    assert plain._definition != keyed._definition
    assert KEY.hex() not in keyed._definition


def test_a_customer_is_erased_by_the_number(monkeypatch, make_client, tmp_path):
    keys = CardKeys((KEY,))
    make_client(keys=keys).post(SCORE, json=WITH_NUMBER)
    monkeypatch.setenv(KEYS, KEY.hex())
    monkeypatch.setenv("FRAUD_LOCAL_FOLDER", str(tmp_path))
    settings = tmp_path / "settings.yml"
    settings.write_text(json.dumps({"serving": {"store_file": "app.db"}}))
    assert erase(NUMBER, str(settings)) == 1
