"""A model and its champion: versions, the verdict of the gate, scores, and what its alerts were worth."""

from typing import Final

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from mlflow import MlflowClient
from pyspark.sql import functions as F

from fraud_detection.models.card import FIGURES, render_html
from fraud_detection.models.card_facts import collect_card
from fraud_detection.models.registry import Registered
from fraud_detection.models.tracking import load_verdict
from fraud_detection.models.verdict import Verdict
from fraud_detection.models.versions import Version, find_number, list_versions
from fraud_detection.notebooks.canvas import ACCENT, BLUE, INK, PALE, make_canvas
from fraud_detection.schemas import GOLD_SAVINGS, PREDICTIONS, SILVER_LABELS
from fraud_detection.scoring.champion import find_champion
from fraud_detection.tasks.context import Context

RANKING: Final = ("auc_roc", "average_precision", "card_precision", "card_share")
SLICE_FRAUDS: Final = 5
BINS: Final = 40
LEAST_PROBABILITY: Final = 1e-4


def tell_versions(context: Context) -> pd.DataFrame:
    """Every version, newest first: verdict, aliases, figures of the test week.

    Raises:
        ModelError: there is no such model.
    """
    return pd.DataFrame([_tell(one) for one in list_versions(MlflowClient(), context.arguments.model_name)])


def open_champion(context: Context) -> tuple[Version, Verdict]:
    """The version that scores, and what the gate said of it.

    Raises:
        ModelError: the model has no champion.
    """
    client, name = MlflowClient(), context.arguments.model_name
    version = find_number(client, name, find_champion(client, name))
    return version, load_verdict(version.run_id)


def list_checks(verdict: Verdict) -> pd.DataFrame:
    """Every check of the gate, failed ones first."""
    rows = [{"check": c.name, "passed": c.passed, "found": c.found, "expected": c.expected} for c in verdict.checks]
    return pd.DataFrame(rows).sort_values("passed", kind="stable", ignore_index=True)


def draw_intervals(verdict: Verdict) -> Figure:
    """The figures of the test week with their 95 % intervals, and those of the champion before on the same rows."""
    names = [name for name in RANKING if name in verdict.metrics][::-1]
    figure, (axes,) = make_canvas("The test week, with 95 % intervals over cards", height=0.9 + 0.45 * len(names))
    for place, name in enumerate(names):
        interval = verdict.intervals.get(name)
        if interval:
            axes.plot([interval["low"], interval["high"]], [place, place], color=ACCENT, linewidth=5, alpha=0.35)
        axes.plot(verdict.metrics[name], place, "o", color=ACCENT, label="this version" if not place else None)
        if name in verdict.champion_metrics:
            axes.plot(
                verdict.champion_metrics[name], place, "d", color=BLUE, label=None if place else "champion before"
            )
    axes.set_yticks(range(len(names)), [FIGURES.get(name, name) for name in names])
    axes.set_xlim(0, 1.02)
    axes.margins(y=0.2)
    axes.legend(frameon=False, loc="upper left", fontsize=9)
    return figure


def draw_slices(verdict: Verdict) -> Figure | str:
    """Area under ROC of each slice with enough fraud; the dashed line is the whole week."""
    slices = [one for one in verdict.slices if one.get("auc_roc") is not None and one["frauds"] >= SLICE_FRAUDS]
    if not slices:
        return f"no slice of the test week has {SLICE_FRAUDS} frauds"
    ordered = sorted(slices, key=lambda one: -one["auc_roc"])
    figure, (axes,) = make_canvas("Area under ROC by slice; size: frauds", height=0.9 + 0.24 * len(ordered))
    names = [f"{one['kind']}: {one['slice']}" for one in ordered]
    sizes = [20 + 6 * min(one["frauds"], 60) for one in ordered]
    axes.scatter([one["auc_roc"] for one in ordered], names, s=sizes, color=ACCENT, zorder=3)
    axes.axvline(verdict.metrics["auc_roc"], color=PALE, linestyle="--")
    axes.invert_yaxis()
    return figure


def sample_scores(context: Context, version: Version, rows: int = 50_000) -> pd.DataFrame:
    """Scores of a version whose label is known: probability, threshold, is_fraud, amount."""
    own = F.col("model_version") == version.number
    scores = context.tables.read(context.spark, PREDICTIONS.name).where(own)
    labels = context.tables.read(context.spark, SILVER_LABELS.name).select("transaction_id", "is_fraud")
    said = ("probability", "threshold", "is_fraud", F.col("amount").cast("double").alias("amount"))
    return scores.join(labels, "transaction_id").select(*said).limit(rows).toPandas()


def draw_scores(scores: pd.DataFrame) -> Figure:
    """Where each class has its scores, and the threshold of alerts: right of it a review pays."""
    figure, (axes,) = make_canvas("Scores, as a share of each class", height=3.0)
    edges = np.geomspace(LEAST_PROBABILITY, 1, BINS)
    labels = scores["is_fraud"].astype(bool)
    for label, colour, own in (("legitimate", BLUE, ~labels), ("fraud", ACCENT, labels)):
        counts, _ = np.histogram(scores.loc[own, "probability"].clip(lower=LEAST_PROBABILITY), edges)
        name = f"{label}, {int(own.sum()):,}"
        axes.stairs(counts / max(int(own.sum()), 1), edges, color=colour, fill=True, alpha=0.35, label=name)
    threshold = float(scores["threshold"].iloc[-1])
    axes.axvline(threshold, color=INK, linestyle="--", linewidth=1, label=f"alerts from {threshold:.3f}")
    axes.set_xscale("log")
    axes.set_xlabel("probability of fraud")
    axes.yaxis.set_major_formatter(lambda tick, _: f"{tick:.0%}")
    axes.legend(frameon=False, fontsize=9)
    return figure


def read_savings(context: Context, version: Version) -> pd.DataFrame:
    """What the alerts of a version were worth, by day, as far as labels are known."""
    own = (F.col("model_version") == version.number) & (F.col("labelled") > 0)
    columns = ("event_date", "transactions", "frauds", "alerts", "reviewed", "caught", "saving")
    amounts = [F.col(name).cast("double").alias(name) for name in ("fraud_amount", "caught_amount")]
    days = context.tables.read(context.spark, GOLD_SAVINGS.name).where(own).select(*columns, *amounts)
    return days.orderBy("event_date").toPandas()


def draw_savings(savings: pd.DataFrame) -> Figure:
    """The amount of known fraud by day, the part that reviews caught, and the saving after what they cost."""
    figure, (axes,) = make_canvas("Fraud, what reviews caught of it, and what that saved", height=3.0)
    dates = pd.to_datetime(savings["event_date"])
    axes.bar(dates, savings["fraud_amount"], color=PALE, width=0.8, label="fraud")
    axes.bar(dates, savings["caught_amount"], color=ACCENT, width=0.8, label="caught")
    axes.plot(dates, savings["saving"], color=INK, marker=".", label="saving, after the cost of reviews")
    axes.yaxis.set_major_formatter(lambda tick, _: f"{tick:,.0f}")
    axes.legend(frameon=False, fontsize=9)
    axes.tick_params(axis="x", rotation=30)
    return figure


def render_card(context: Context, version: Version, verdict: Verdict) -> str:
    """The model card as a document."""
    done = Registered(context.arguments.model_name, version.number, version.verdict, version.aliases)
    return render_html(collect_card(MlflowClient(), version.run_id, done, verdict))


def _tell(version: Version) -> dict[str, object]:
    figures = {name: version.tags.get(f"test_{name}") for name in ("average_precision", "saving_a_day")}
    return {
        "version": version.number,
        "created": f"{version.created:%Y-%m-%d %H:%M}",
        "verdict": version.verdict,
        "aliases": ", ".join(version.aliases),
        **{name.replace("_", " "): float(value) if value else None for name, value in figures.items()},
        "orders": "; ".join(version.orders),
    }
