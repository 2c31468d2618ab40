"""How the world has moved since the champion was trained, and what was decided because of it."""

from collections.abc import Sequence
from datetime import date, timedelta
from typing import Final

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from mlflow import MlflowClient
from pyspark.sql import functions as F

from fraud_detection.models.baseline import OUTSIDE, SCORE, Bins, Counts, shares
from fraud_detection.models.tracking import load_baseline
from fraud_detection.monitoring.counting import count_by_day
from fraud_detection.monitoring.drift import VOLUME
from fraud_detection.notebooks.canvas import ACCENT, BLUE, PALE, make_canvas, show_matrix
from fraud_detection.schemas import DRIFT, MODEL_QUALITY, MONITORING, TRANSACTION_FEATURES
from fraud_detection.scoring.champion import find_champion
from fraud_detection.tasks.context import Context

MOST_FEATURES: Final = 15
MOST_DAYS: Final = 60
MOST_PICTURES: Final = 6
SHOWN_LETTERS: Final = 160
QUALITY: Final = {"auc_roc": "area under ROC", "average_precision": "average precision"}


def read_drift(context: Context) -> pd.DataFrame:
    """By day and feature, of the last days: the indices of the version that was champion then."""
    rows = context.tables.read(context.spark, DRIFT.name)
    last = rows.agg(F.max("day")).collect()[0][0]  # one row
    recent = rows.where(F.col("day") > F.lit(last - timedelta(days=MOST_DAYS)))
    found: pd.DataFrame = recent.select("day", "feature", "psi", "psi_of_day", "missing", "outside").toPandas()
    return found


def rank_drift(drift: pd.DataFrame) -> pd.DataFrame:
    """The features of the last day, those that moved most first."""
    last = drift[drift["day"] == drift["day"].max()]
    ranked: pd.DataFrame = last[last["feature"] != VOLUME].sort_values("psi", ascending=False, ignore_index=True)
    return ranked


def draw_drift(drift: pd.DataFrame, limit: float) -> Figure:
    """The index of each feature by day, the worst of the last day on top; full colour is the limit."""
    names = list(rank_drift(drift)["feature"].head(MOST_FEATURES))
    table = drift.pivot_table(index="feature", columns="day", values="psi").reindex(names)
    title = f"Population stability index over a week; dark from the limit of {limit:g} on"
    figure, (axes,) = make_canvas(title, height=1.0 + 0.24 * len(names))
    days = [f"{day:%d %b}" for day in pd.to_datetime(table.columns)]
    picture = show_matrix(axes, table.to_numpy(), names, days, cmap="Oranges", vmin=0, vmax=limit)
    figure.colorbar(picture, ax=axes, shrink=0.9, extend="max")
    return figure


def draw_volume(drift: pd.DataFrame, factor: float) -> Figure:
    """Transactions a day over what the weekday had in training, between the limits."""
    rows = drift[drift["feature"] == VOLUME].sort_values("day")
    figure, (axes,) = make_canvas("Transactions a day, over what is usual for the weekday", height=2.4)
    axes.axhspan(1 / factor, factor, color=PALE, alpha=0.25, label="no alarm")
    axes.plot(pd.to_datetime(rows["day"]), rows["psi"], color=BLUE, marker=".")
    axes.set_ylim(bottom=0)
    axes.legend(frameon=False, loc="lower left", fontsize=9)
    return figure


def compare_with_training(context: Context, names: Sequence[str], days: int = 7) -> dict[str, tuple[Bins, Counts]]:
    """For the first six features: their bins when the champion was trained, and the last days' counts in them."""
    client, model = MlflowClient(), context.arguments.model_name
    version = client.get_model_version(model, str(find_champion(client, model)))
    columns = load_baseline(str(version.run_id)).columns
    known = [name for name in names if name in columns and name != SCORE]
    bins = {name: columns[name] for name in known[:MOST_PICTURES]}
    features = context.tables.read(context.spark, TRANSACTION_FEATURES)
    last: date = features.agg(F.max("event_date")).collect()[0][0]  # one row
    counted = count_by_day(features.where(F.col("event_date") > F.lit(last - timedelta(days=days))), bins)
    none = {name: one.no_counts() for name, one in bins.items()}
    together = {name: np.sum([none[name], *(day[name] for day in counted.values())], axis=0) for name in bins}
    return {name: (bins[name], together[name]) for name in bins}


def draw_then_and_now(compared: dict[str, tuple[Bins, Counts]]) -> Figure:
    """The share of each bin, then and now; bins are deciles of the training data, so then is nearly flat."""
    figure, plots = make_canvas(*compared, columns=3, height=2.2)
    for axes, (bins, counts) in zip(plots, compared.values(), strict=False):
        places = np.arange(len(bins.edges) + 1)
        axes.bar(places - 0.2, shares(np.array(bins.counts)), width=0.4, color=PALE, label="in training")
        axes.bar(places + 0.2, shares(counts), width=0.4, color=ACCENT, label="now")
        names = [f"≤{edge:.3g}" for edge in bins.edges] + ["more"]
        axes.set_xticks(places, names, rotation=60, fontsize=7)
        axes.yaxis.set_major_formatter(lambda tick, _: f"{tick:.0%}")
        if counts[OUTSIDE]:
            axes.set_xlabel(f"{int(counts[OUTSIDE]):,} values that training never saw the like of", fontsize=7)
    plots[0].legend(frameon=False, fontsize=8)
    return figure


def read_quality(context: Context) -> pd.DataFrame:
    """Of the whole weeks whose labels have come: how well decisions ranked, and what they saved a day."""
    whole = context.tables.read(context.spark, MODEL_QUALITY.name).where("kind = 'all'")
    columns = ("day", "model_version", "rows", "frauds", *QUALITY, "calibration_error", "saving_a_day", "labelled")
    return whole.select(*columns).orderBy("day").toPandas()


def draw_quality(quality: pd.DataFrame) -> Figure:
    """How well the decisions of each week ranked fraud, once its labels had come."""
    figure, (axes,) = make_canvas("Ranking of the week up to a day, once labels had come", height=2.6)
    for (name, words), colour in zip(QUALITY.items(), (BLUE, ACCENT), strict=True):
        axes.plot(quality["day"].astype(str), quality[name], color=colour, marker="o", label=words)
    axes.set_ylim(0, 1.02)
    axes.tick_params(axis="x", rotation=30)
    axes.legend(frameon=False, fontsize=9)
    return figure


def read_decisions(context: Context, most: int = 30) -> pd.DataFrame:
    """The last days: how many alarms, whether training was started, and the beginning of why."""
    days = context.tables.read(context.spark, MONITORING.name).orderBy(F.desc("day")).limit(most)
    long = F.length("why") > SHOWN_LETTERS
    why = F.when(long, F.concat(F.left("why", F.lit(SHOWN_LETTERS)), F.lit(" …"))).otherwise(F.col("why"))
    return days.select("day", "model_version", F.size("alarms").alias("alarms"), "retrain", why.alias("why")).toPandas()
