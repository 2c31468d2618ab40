"""Features: what they are, how they tell classes apart, and that they know nothing of what came later."""

from dataclasses import replace
from functools import partial
from typing import Final

import numpy as np
import pandas as pd
import polars as pl
from matplotlib.figure import Figure
from pyspark.sql import functions as F
from sklearn.metrics import roc_auc_score

from fraud_detection.errors import DataError
from fraud_detection.features import single_node, spark
from fraud_detection.features.audit import find_differences, find_leaks
from fraud_detection.features.contract import HISTORY
from fraud_detection.features.frames import to_polars, to_spark
from fraud_detection.features.registry import ALL_FEATURES, GROUPS
from fraud_detection.notebooks.canvas import ACCENT, BLUE, INK, label_bars, make_canvas
from fraud_detection.schemas import SILVER_LABELS, TRANSACTION_FEATURES
from fraud_detection.tasks.context import Context
from fraud_detection.tasks.feature_audit import read_audited

SAMPLE_ROWS: Final = 20_000
BINS: Final = 30
MOST_POINTS: Final = 99.5
CHANCE: Final = 0.5
LOOKS_AHEAD: Final = "terminal_fraud_share_7d"


def list_features() -> pd.DataFrame:
    """The registry: a row a feature."""
    return pd.DataFrame(
        [
            {
                "feature": feature.name,
                "group": group.name,
                "entity": group.entity,
                "days": feature.window_days,
                "reads": feature.reads,
                "meaning": feature.description,
            }
            for group in GROUPS
            for feature in group.features
        ]
    )


def sample_labelled(context: Context, rows: int = SAMPLE_ROWS) -> pd.DataFrame:
    """Features and labels of transactions drawn by a hash of their id, so that all see the same ones."""
    features = context.tables.read(context.spark, TRANSACTION_FEATURES).select("transaction_id", *ALL_FEATURES)
    labels = context.tables.read(context.spark, SILVER_LABELS.name).select("transaction_id", "is_fraud")
    joined = features.join(labels, "transaction_id", how="inner")
    return joined.orderBy(F.xxhash64("transaction_id")).limit(rows).toPandas()


def rank_features(sample: pd.DataFrame) -> pd.DataFrame:
    """How well each feature alone tells fraud: area under ROC, 0.5 by chance, below where low values are suspicious.

    Raises:
        DataError: the sample holds one class only.
    """
    labels = sample["is_fraud"].astype(bool)
    if labels.all() or not labels.any():
        raise DataError(f"{int(labels.sum())} of {len(labels)} labelled rows are fraud; expected both classes")
    rows = []
    for name in ALL_FEATURES:
        values = sample[name].astype(float)
        present = values.notna()
        both = 0 < labels[present].sum() < present.sum()
        area = roc_auc_score(labels[present], values[present]) if both else CHANCE
        rows.append({"feature": name, "auc_alone": float(area), "absent": float((~present).mean())})
    found = pd.DataFrame(rows)
    strength = (found["auc_alone"] - CHANCE).abs()
    return found.assign(strength=strength).sort_values("strength", ascending=False, ignore_index=True)


def draw_ranking(ranking: pd.DataFrame, most: int = 15) -> Figure:
    """The strongest features; blue where low values are the suspicious ones."""
    shown = ranking.head(most)
    figure, (axes,) = make_canvas("Area under ROC of a feature alone, less chance", height=0.9 + 0.28 * len(shown))
    colours = [ACCENT if area > CHANCE else BLUE for area in shown["auc_alone"]]
    axes.barh(shown["feature"], shown["strength"], color=colours)
    axes.invert_yaxis()
    axes.grid(visible=False, axis="y")
    label_bars(axes, [f"{area:.3f}" for area in shown["auc_alone"]])
    return figure


def draw_by_class(sample: pd.DataFrame, names: list[str]) -> Figure:
    """The distribution of features in each class, up to where all but the last half per cent lie."""
    figure, plots = make_canvas(*names, columns=3, height=2.1)
    labels = sample["is_fraud"].astype(bool)
    for axes, name in zip(plots, names, strict=False):
        values = sample[name].astype(float)
        edges = np.linspace(values.min(), max(np.nanpercentile(values, MOST_POINTS), values.min() + 1e-9), BINS)
        for label, colour, own in (("legitimate", BLUE, ~labels), ("fraud", ACCENT, labels)):
            counts, _ = np.histogram(values[own].dropna().clip(upper=edges[-1]), edges)
            axes.stairs(counts / max(int(counts.sum()), 1), edges, color=colour, fill=True, alpha=0.35, label=label)
        axes.set_title(name, loc="left", color=INK, fontsize=9, fontweight="bold")
        axes.yaxis.set_major_formatter(lambda tick, _: f"{tick:.0%}")
    plots[0].legend(frameon=False, fontsize=8)
    return figure


def audit(context: Context, rows: int = 20) -> pd.DataFrame:
    """Published rows computed anew from what was known at their time: the values that differ, so none."""
    published, history = read_audited(context, rows, None, 0)
    compute = partial(single_node.compute_features, settings=context.settings.features)
    return find_differences(published, history, compute).to_pandas()


def audit_a_cheat(context: Context, rows: int = 20) -> pd.DataFrame:
    """The same audit of a feature that knows the label of its own row: what it finds."""
    _, history = read_audited(context, rows, None, 0)

    def cheat(given: pl.DataFrame) -> pl.DataFrame:
        honest = single_node.compute_features(given, context.settings.features)
        labels = given.select("transaction_id", knows=pl.col("is_fraud").cast(pl.Float64).fill_null(0.0))
        return honest.join(labels, on="transaction_id", how="left").with_columns(
            (pl.col(LOOKS_AHEAD) + pl.col("knows")).alias(LOOKS_AHEAD)
        )

    return find_leaks(history, cheat, rows).to_pandas()


def compare_engines(context: Context, rows: int = 3) -> pd.DataFrame:
    """The same history computed on one node and by Spark: rows, features, and how many values differ in any bit."""
    _, history = read_audited(context, rows, None, 0)
    settings = replace(context.settings.features, shards=2)  # some thousand rows are not worth more
    here = single_node.compute_features(history, settings).sort("transaction_id").select(ALL_FEATURES)
    there = spark.compute_features(to_spark(context.spark, history.select(HISTORY)), settings)
    there_rows = to_polars(there).sort("transaction_id").select(ALL_FEATURES)
    differ = sum(int(here[name].ne_missing(there_rows[name].cast(here[name].dtype)).sum()) for name in ALL_FEATURES)
    return pd.DataFrame([{"rows": here.height, "features": len(ALL_FEATURES), "values that differ": differ}])
