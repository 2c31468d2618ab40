from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from time import sleep

import numpy as np
import polars as pl
import pytest

from fraud_detection.config import load_section
from fraud_detection.errors import ConfigurationError, GateError, ModelError
from fraud_detection.models import gate, split
from fraud_detection.models.costs import CostSettings
from fraud_detection.models.gate_settings import GateSettings
from fraud_detection.models.score_distribution import ScoreDistribution, describe_scores
from fraud_detection.models.scorer import NO_ALERTS
from fraud_detection.models.slices import past_of
from fraud_detection.models.verdict import Check, Verdict, verdict_from_dict

FOLD = split.Fold(datetime(2018, 7, 25, tzinfo=UTC).date())
FEATURES = ("amount", "risk")
LIMITS = GateSettings(
    max_auc_roc=0.97, min_card_share=0, max_card_share=1, max_calibration_error=0.02, max_latency_ms=15
)


def make_judged(rows=4_000, frauds=200, seed=0):
    """Rows of the test week whose `risk` is the true probability of fraud, sharp but not perfect."""
    rng = np.random.default_rng(seed)
    risk = np.where(rng.random(rows) < frauds / rows, rng.beta(6, 2, rows), rng.beta(1, 60, rows))
    return pl.DataFrame(
        {
            "event_time": [FOLD.test_start + timedelta(seconds=int(s)) for s in rng.integers(0, 7 * 86_400, rows)],
            "customer_id": [f"C{number}" for number in rng.integers(0, 500, rows)],
            "terminal_id": [f"T{number}" for number in rng.integers(0, 50, rows) ** 2 // 50],
            "amount_cents": rng.integers(100, 30_000, rows),
            "amount": 1.0,
            "risk": risk,
            "is_fraud": rng.random(rows) < risk,
        }
    )


RISK = pl.col("risk")
JUDGED = make_judged()
PAST = past_of(JUDGED.with_columns(pl.col("event_time") - timedelta(days=60)))
SPREAD = describe_scores(JUDGED["risk"].to_numpy())
COSTS = CostSettings()
MIB = 2**20


@dataclass(frozen=True)
class FakeModel:
    """A model that scores by an expression."""

    expression: pl.Expr = RISK
    features: tuple[str, ...] = FEATURES
    trained_until: datetime = FOLD.train_end
    input_types: tuple[str, ...] = ("double",)
    outputs: tuple[str, ...] = ("probability", "is_alert")
    threshold: float = 0.2
    distribution: ScoreDistribution | None = SPREAD
    size_bytes: int = 3 * MIB
    seconds: float = 0

    def score(self, rows):
        sleep(self.seconds)
        return rows.select(self.expression.cast(pl.Float64).alias("score"))["score"].to_numpy()


def decide(candidate, champion=None, judged=JUDGED, settings=LIMITS):
    return gate.decide(judged, PAST, FOLD, candidate, champion, FEATURES, settings, COSTS)


def failures(verdict):
    return [check.name for check in verdict.checks if not check.passed]


def test_a_good_candidate_passes_with_every_reason_named():
    verdict = decide(FakeModel())
    assert verdict.passed, verdict.reasons
    assert verdict.word == "passed"
    assert {"signature", "not stale", "scores differ", "auc_roc", "calibration_error", "champion"} <= {
        check.name for check in verdict.checks
    }
    assert verdict.metrics["auc_roc"] > 0.8
    assert {part["kind"] for part in verdict.slices} == {
        "amount",
        "weekday",
        "customer",
        "customer_age",
        "terminal",
    }
    assert verdict.intervals["average_precision"]["low"] < verdict.metrics["average_precision"]
    assert verdict.metrics["saving_a_day"] > 0


@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        (FakeModel(pl.lit(0.01).repeat_by(1).explode() + 0 * pl.col("risk")), "scores differ"),
        (FakeModel(1 - pl.col("risk")), "auc_roc"),
        (FakeModel(pl.col("is_fraud").cast(pl.Float64) * 0.98 + 0.01), "auc_roc below the leak canary"),
        (FakeModel(pl.when(pl.col("risk") > 0.9).then(float("nan")).otherwise("risk")), "scores are numbers"),
        (FakeModel(pl.when(pl.col("risk") > 0.9).then(float("inf")).otherwise("risk")), "scores are numbers"),
        (FakeModel(pl.col("risk") * 3), "scores are probabilities"),
        (FakeModel(pl.col("risk") - 0.1), "scores are probabilities"),
        (FakeModel(pl.col("risk").sqrt()), "calibration_error"),
        (FakeModel(features=("amount", "label_of_tomorrow")), "signature"),
        (FakeModel(features=()), "signature"),
        (FakeModel(input_types=("double", "string")), "signature types"),
        (FakeModel(outputs=("score",)), "signature answer"),
        (FakeModel(pl.lit(0.0).repeat_by(1).explode() * RISK), "scores differ"),
        (FakeModel((RISK > 0.8).cast(pl.Float64)), "score distribution"),
        (FakeModel(RISK * 1e-3), "calibration_error"),
        (FakeModel(RISK.sqrt()), "score distribution"),
        (FakeModel(distribution=None), "score distribution"),
        (FakeModel(threshold=NO_ALERTS), "saving_a_day"),
        (FakeModel(seconds=0.02), "latency"),
        (FakeModel(size_bytes=1_025 * MIB), "size"),
        (FakeModel(trained_until=FOLD.test_start - timedelta(days=31)), "not stale"),
        (FakeModel(trained_until=FOLD.train_end + timedelta(days=1)), "not from the future"),
        (FakeModel(pl.col("risk").head(10)), "one score a row"),
    ],
    ids=[
        "constant",
        "inverted",
        "leaking",
        "NaN",
        "infinite",
        "above one",
        "below zero",
        "miscalibrated",
        "wrong signature",
        "no signature",
        "wrong types",
        "wrong answer",
        "single class",
        "hard labels",
        "too sure of the larger class",
        "scores spread anew",
        "no spread kept",
        "never alerts",
        "slow",
        "oversized",
        "stale",
        "from the future",
        "too few scores",
    ],
)
def test_a_bad_candidate_is_rejected_for_the_reason_that_fits(bad, reason):
    verdict = decide(bad)
    assert not verdict.passed
    assert reason in failures(verdict)


def test_a_candidate_that_fails_on_one_slice_only_is_rejected():
    blind = pl.when(pl.col("amount_cents") < 2_000).then(0.9 - pl.col("risk") * 0.8).otherwise("risk")
    loose = GateSettings(**{**vars(LIMITS), "max_calibration_error": 1, "min_average_precision": 0, "min_auc_roc": 0})
    judged = JUDGED.with_columns(
        pl.when(pl.col("risk") > 0.5).then(1_000).otherwise("amount_cents").alias("amount_cents")
    )
    assert "auc_roc where amount is up to 20" in failures(decide(FakeModel(blind), judged=judged, settings=loose))


def test_a_slice_that_is_all_fraud_is_reported_and_has_no_say():
    judged = JUDGED.with_columns(
        pl.when("is_fraud").then(pl.col("amount_cents") + 30_000).otherwise(pl.col("amount_cents") % 20_000 + 1)
    )
    verdict = decide(FakeModel(), judged=judged)
    assert verdict.passed, verdict.reasons
    assert [part["auc_roc"] for part in verdict.slices if part["slice"] == "above 220"] == [None]


def test_a_candidate_must_not_fall_behind_the_champion_on_the_same_rows():
    weaker = FakeModel(pl.when(pl.col("amount_cents") % 5 == 0).then(0.01 * pl.col("risk")).otherwise("risk"))
    verdict = decide(weaker, champion=FakeModel(), settings=GateSettings(**{**vars(LIMITS), "min_auc_roc": 0.5}))
    assert "average_precision against the champion" in failures(verdict)
    assert verdict.champion_metrics["average_precision"] > verdict.metrics["average_precision"]


def test_a_small_step_back_is_rejected_where_every_draw_of_cards_sees_it():
    judged = make_judged(rows=20_000, frauds=1_000)
    ahead = FakeModel(pl.when("is_fraud").then(0.02 + RISK * 0.97).otherwise("risk"))
    margins = {"margin_average_precision": 0.5, "margin_auc_roc": 0.5, "margin_card_share": 1, "margin_saving_share": 1}
    wide = GateSettings(**{**vars(LIMITS), **margins})
    verdict = decide(FakeModel(), champion=ahead, judged=judged, settings=wide)
    assert failures(verdict) == ["average_precision is not proven worse"]
    lead = verdict.intervals["average_precision_lead"]
    assert lead["low"] < lead["value"] < lead["high"] < -0.005
    tolerant = GateSettings(**{**vars(wide), "tolerance_average_precision": -lead["high"] + 1e-6})
    assert decide(FakeModel(), champion=ahead, judged=judged, settings=tolerant).passed


def test_a_candidate_that_saves_less_than_the_champion_is_rejected_though_it_ranks_the_same():
    failed = failures(decide(FakeModel(threshold=0.85), champion=FakeModel(), settings=LIMITS))
    assert failed == ["saving_a_day against the champion", "saving_a_day is not proven worse"]


def test_a_slice_that_falls_far_behind_the_champion_is_named():
    worse = pl.when(pl.col("event_time").dt.weekday() == 2).then((RISK * 997) % 1 * 0.1).otherwise("risk")
    loose = {"max_calibration_error": 1, "min_auc_roc": 0, "min_average_precision": 0, "min_slice_auc": 0}
    verdict = decide(
        FakeModel(worse),
        champion=FakeModel(),
        settings=GateSettings(**{**vars(LIMITS), **loose, "min_slice_frauds": 5}),
    )
    assert "worst slice against the champion" in failures(verdict)
    assert any("where weekday is Tuesday" in reason for reason in verdict.reasons)


def test_a_candidate_as_good_as_the_champion_passes():
    assert decide(FakeModel(), champion=FakeModel()).passed


@pytest.mark.parametrize(
    ("champion", "named"),
    [
        (FakeModel(pl.lit(float("nan")) * pl.col("risk")), "the champion cannot be compared"),
        (FakeModel(features=("amount", "gone")), "the champion reads gone, .* by gate.champion_must_score: false"),
    ],
)
def test_a_champion_that_cannot_be_measured_stops_the_gate(champion, named):
    with pytest.raises(GateError, match=named):
        decide(FakeModel(), champion=champion)


def test_where_a_feature_was_removed_the_limits_alone_decide_if_someone_says_so():
    said = GateSettings(**{**vars(LIMITS), "champion_must_score": False})
    verdict = decide(FakeModel(), champion=FakeModel(features=("amount", "gone")), settings=said)
    assert verdict.passed, verdict.reasons
    assert any("it reads gone, which is gone; not compared" in reason for reason in verdict.reasons)
    assert verdict.champion_metrics == {}
    assert decide(FakeModel(), champion=FakeModel(), settings=said).champion_metrics


def test_where_no_slice_holds_enough_frauds_there_is_no_pass():
    strict = GateSettings(**{**vars(LIMITS), "min_slice_frauds": 10_000})
    assert failures(decide(FakeModel(), settings=strict)) == ["slices with enough frauds"]


@pytest.mark.parametrize(
    ("limit", "reason"),
    [
        ({"max_average_precision": 0.56}, "average_precision below the leak canary"),
        ({"max_card_share": 0.01}, "card_share below the leak canary"),
        ({"min_average_precision": 0.99, "max_average_precision": 1}, "average_precision"),
        ({"min_card_share": 0.999, "max_card_share": 1}, "card_share"),
        ({"min_auc_roc": 0.96}, "auc_roc"),
    ],
)
def test_each_limit_decides_alone(limit, reason):
    assert decide(FakeModel()).passed
    assert failures(decide(FakeModel(), settings=GateSettings(**{**vars(LIMITS), **limit}))) == [reason]


@pytest.mark.parametrize("judged", [JUDGED.clear(), JUDGED.filter("is_fraud"), JUDGED.filter(~pl.col("is_fraud"))])
def test_rows_of_one_class_or_none_stop_the_gate(judged):
    with pytest.raises(GateError, match="expected both classes"):
        decide(FakeModel(), judged=judged)


def test_rows_without_labels_stop_the_gate():
    with pytest.raises(ModelError, match="have no label"):
        decide(FakeModel(), judged=JUDGED.with_columns(is_fraud=pl.lit(None, pl.Boolean)))


def test_too_few_frauds_are_no_ground_for_a_pass():
    assert "frauds judged" in failures(
        decide(FakeModel(), settings=GateSettings(**{**vars(LIMITS), "min_frauds": 10_000}))
    )


def test_no_checks_are_no_pass():
    assert not Verdict(()).passed


def test_a_verdict_survives_json_and_its_word_comes_from_the_checks():
    verdict = decide(FakeModel(1 - pl.col("risk")))
    stored = {**verdict.as_dict(), "verdict": "passed"}
    assert verdict_from_dict(stored).word == "rejected"
    assert verdict_from_dict(stored).as_dict() == verdict.as_dict()


def test_failed_reasons_come_first():
    verdict = Verdict(
        (Check("a", passed=True, found="1", expected="1"), Check("b", passed=False, found="0", expected="1"))
    )
    assert verdict.reasons == ("FAILED b: 0; expected 1", "passed a: 1; expected 1")


def test_unknown_limits_are_refused_and_so_are_impossible_ones():
    with pytest.raises(ConfigurationError, match="gate has no setting min_auc; known are min_auc_roc"):
        load_section(GateSettings, {"min_auc": 0.5}, "gate")
    with pytest.raises(ConfigurationError, match="expected 0 <= min < max <= 1"):
        GateSettings(min_auc_roc=0.95)
