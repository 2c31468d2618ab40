"""A challenger online: it decides for its customers, or looks on; no answer waits for it, or fails by it."""

import asyncio
import re
import threading
import time

import numpy as np
import pytest

from fraud_detection.features.registry import MODEL_FEATURES
from fraud_detection.models.scorer import Scorer
from fraud_detection.scoring import variants
from fraud_detection.scoring.champion import Model
from fraud_detection.scoring.online.answers import Verdict
from fraud_detection.scoring.online.champion import LiveModel, registered_line_up
from fraud_detection.scoring.online.shadow import Answered, Shadow
from fraud_detection.scoring.settings import ScoringSettings
from fraud_detection.scoring.variants import is_dealt
from requests_online import SCORE

CARDS = [f"C{number}" for number in range(40)]
SPLIT = ScoringSettings(challenger="split", challenger_share=0.4, experiment="spring")
SHADOW = ScoringSettings(challenger="shadow")


RELEASED, GAVE_UP = threading.Event(), threading.Event()


class Held(Scorer):
    """Scores once it is released; whoever waits for it, waits until it gives up."""

    def probabilities(self, matrix):
        if not RELEASED.wait(30):
            GAVE_UP.set()
        return super().probabilities(matrix)


class Broken(Scorer):
    def probabilities(self, matrix):
        raise KeyError(len(matrix))

    def judge(self, matrix, most):
        raise KeyError(len(matrix), most)


class Numberless(Scorer):
    def judge(self, matrix, most):
        return np.full(len(matrix), np.nan), self.reasons(matrix, most)


def live(model, kind=Scorer, version=2):
    """Another version with the alias challenger, whose alerts begin at a probability of its own."""
    own = model.scorer
    scorer = kind(own.features, own.boosters, own.calibration, 0.01)
    return LiveModel("fraud", lambda: version, lambda _: Model("fraud", version, scorer), "challenger")


def transaction(card, number=1):
    return {
        "transaction_id": f"T{card}-{number}",
        "event_time": f"2018-09-30T12:{number:02}:00Z",
        "customer_id": card,
        "terminal_id": f"M{card}",
        "amount": 57.25,
    }


def ask(client, number=1):
    answer = client.post(SCORE, json=[transaction(card, number) for card in CARDS])
    assert answer.status_code == 200, answer.text
    return answer.json()


def without_time(answers):
    return [{name: value for name, value in answer.items() if name != "scored_at"} for answer in answers]


def figures(client):
    """Name and labels of a metric → value; they go on from test to test."""
    text = client.get("/metrics").text
    return {name: float(value) for name, value in re.findall(r"^(fraud_\S+) (\S+)$", text, re.MULTILINE)}


def gained(client, before, name):
    return figures(client).get(name, 0.0) - before.get(name, 0.0)


def test_each_customer_is_answered_by_who_decides_for_it_and_stays_there(make_client, model):
    alone, few, more = (
        make_client(challenger=live(model), scoring=scoring)
        for scoring in (ScoringSettings(), SPLIT, ScoringSettings(**vars(SPLIT) | {"challenger_share": 0.7}))
    )
    dealt = {card: is_dealt(card, "spring", 0.4) for card in CARDS}
    assert 0 < sum(dealt.values()) < len(CARDS)
    before, told = figures(few), ask(few)
    assert [(one["variant"], one["model_version"], one["threshold"]) for one in told] == [
        ("challenger", 2, 0.01) if dealt[card] else ("champion", 1, 0.5) for card in CARDS
    ]
    assert all(one["is_alert"] == (one["probability"] >= one["threshold"]) for one in told)
    counted = (f'fraud_decisions_total{{is_alert="{alert}",variant="challenger"}}' for alert in ("true", "false"))
    assert sum(gained(few, before, name) for name in counted) == sum(dealt.values())
    assert few.get("/readyz").json()["challenger_version"] == 2

    assert [one["probability"] for one in ask(alone)] == [one["probability"] for one in told]
    assert {one["variant"] for one in ask(alone)} == {"champion"}
    again, larger = ask(few, number=2), ask(more, number=3)
    assert [one["variant"] for one in again] == [one["variant"] for one in told]
    assert all(one["variant"] == "challenger" for one in larger if dealt[one["transaction_id"][1:-2]])


@pytest.mark.parametrize("kind", [Broken, Numberless])
def test_the_champion_stands_in_for_a_challenger_that_gives_no_decision(make_client, model, kind, caplog):
    client = make_client(challenger=live(model, kind), scoring=SPLIT)
    before = figures(client)
    told = ask(client)
    assert {(one["variant"], one["model_version"]) for one in told} == {("champion", 1)}
    dealt = sum(is_dealt(card, "spring", 0.4) for card in CARDS)
    assert gained(client, before, "fraud_champion_stood_in_total") == dealt
    assert "version 2 of fraud gave no decision" in caplog.text


def test_a_challenger_that_failed_rests_and_is_asked_again_later(make_client, model, caplog, monkeypatch):
    client = make_client(challenger=live(model, Broken), scoring=SPLIT)
    before = figures(client)
    for number in range(4):
        ask(client, number)
    dealt = sum(is_dealt(card, "spring", 0.4) for card in CARDS)
    assert gained(client, before, "fraud_champion_stood_in_total") == 4 * dealt
    batches = caplog.text.count("version 2 of fraud gave no decision")
    assert 0 < batches <= len(CARDS) / 16 + 1, "asked by the first request alone"
    later = time.monotonic() + variants.RETRY_SECONDS
    monkeypatch.setattr(variants, "monotonic", lambda: later)
    ask(client, 5)
    assert caplog.text.count("version 2 of fraud gave no decision") > batches


@pytest.mark.parametrize("scoring", [SPLIT, SHADOW], ids=["split", "shadow"])
def test_a_challenger_that_does_not_load_leaves_the_champion_alone(make_client, scoring):
    def load(version):
        raise OSError(f"version {version} has no files")

    client = make_client(challenger=LiveModel("fraud", lambda: 2, load, "challenger"), scoring=scoring)
    assert {one["variant"] for one in ask(client)} == {"champion"}
    assert client.get("/readyz").json() == {"status": "ready", "model_name": "fraud", "model_version": 1}


@pytest.mark.parametrize(("role", "variant"), [("split", "challenger"), ("shadow", "shadow"), ("off", None)])
def test_the_registry_says_who_takes_part_and_a_promotion_or_a_broken_version_changes_no_more_than_it_must(
    registry, model, role, variant
):
    name = f"tried_{role}"
    registry.add(name, model.scorer, "champion")
    registry.add(name, model.scorer, "challenger")
    models = registered_line_up(name, ScoringSettings(challenger=role))

    def look():
        asyncio.run(models.renew())
        now = models.current()
        return now.champion.version, now.challenger and (now.challenger.version, now.challenger.variant)

    assert look() == (1, variant and (2, variant))
    broken = registry.client.create_model_version(name, (registry.folder / "nothing").as_uri())
    registry.client.set_registered_model_alias(name, "challenger", broken.version)
    assert look() == (1, variant and (2, variant)), "the one in use goes on"
    registry.client.set_registered_model_alias(name, "challenger", "2")
    registry.client.set_registered_model_alias(name, "champion", "2")
    assert look() == (2, None)


def test_a_shadow_is_counted_beside_each_answer_and_changes_none(make_client, model):
    alone, shadowed = make_client(), make_client(challenger=live(model), scoring=SHADOW)
    ask(alone)  # so that the cards are known to both
    expected, before = without_time(ask(alone)), figures(shadowed)
    assert without_time(ask(shadowed)) == expected
    alerts = {(one["probability"] >= 0.01, one["is_alert"]) for one in expected}
    names = [f'fraud_shadow_decisions_total{{decided="{said}",shadow="{own}"}}'.lower() for own, said in alerts]
    wait_until(lambda: sum(gained(shadowed, before, name) for name in names) == len(CARDS))
    assert gained(shadowed, before, 'fraud_shadow_distance_bucket{le="0.001"}') == len(CARDS), "the same trees"
    assert shadowed.get("/readyz").json()["challenger_variant"] == "shadow"


@pytest.mark.parametrize("kind", [Held, Broken])
def test_no_answer_waits_for_a_shadow_or_fails_by_it(make_client, model, kind):
    client = make_client(challenger=live(model, kind), scoring=SHADOW)
    before = figures(client)
    for number in range(5):
        assert {one["variant"] for one in ask(client, number)} == {"champion"}
    RELEASED.set()
    assert not GAVE_UP.is_set()
    if kind is Broken:
        wait_until(lambda: gained(client, before, 'fraud_shadow_lost_total{reason="failed"}') == 5 * len(CARDS))


def test_a_shadow_that_falls_behind_leaves_out_what_it_has_no_room_for(make_client, model):
    client = make_client()
    shadow, before = Shadow(most_waiting=1), figures(client)
    batch = Answered(model, {name: np.zeros(2) for name in MODEL_FEATURES}, [Verdict(model, 0.1, "[]")] * 2)
    for _ in range(3):
        shadow.offer(batch)
    assert gained(client, before, 'fraud_shadow_lost_total{reason="busy"}') == 4


def wait_until(holds, seconds=10):
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end, "it did not come to hold"
        time.sleep(0.05)
