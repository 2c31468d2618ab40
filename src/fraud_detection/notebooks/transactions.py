"""Transactions as they are: volumes, hours, amounts, places, and what was refused."""

from typing import Final

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from fraud_detection.notebooks.canvas import ACCENT, BLUE, PALE, label_bars, make_canvas, show_matrix
from fraud_detection.schemas import QUARANTINE, SILVER_LABELS, SILVER_TRANSACTIONS
from fraud_detection.tasks.context import Context

BINS_A_DECADE: Final = 8
WEEKDAYS: Final = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
LEAST_LABELLED: Final = 20


def read_transactions(context: Context) -> DataFrame:
    """Silver transactions with the label of each, null where none is known yet."""
    transactions = context.tables.read(context.spark, SILVER_TRANSACTIONS.name)
    labels = context.tables.read(context.spark, SILVER_LABELS.name).select("transaction_id", "is_fraud")
    return transactions.join(labels, "transaction_id", how="left")


def count_days(transactions: DataFrame) -> pd.DataFrame:
    """By day: transactions, the labelled among them, known frauds, amounts; a row a day."""
    fraud = F.col("is_fraud").cast("int")
    days = transactions.groupBy("event_date").agg(
        F.count("*").alias("transactions"),
        F.count("is_fraud").alias("labelled"),
        F.coalesce(F.sum(fraud), F.lit(0)).alias("frauds"),
        F.sum("amount").cast("double").alias("amount"),
    )
    return days.orderBy("event_date").toPandas()


def draw_days(days: pd.DataFrame) -> Figure:
    """Volume, and the share of known fraud; grey where fewer than nine in ten have a label yet."""
    figure, (volume, share) = make_canvas(
        "Transactions a day", "Known fraud, share of the labelled", height=2.5, share_x=True
    )
    dates = pd.to_datetime(days["event_date"])
    volume.bar(dates, days["transactions"], width=0.9, color=BLUE)
    known = days["labelled"] >= 0.9 * days["transactions"]
    value = days["frauds"] / days["labelled"].clip(lower=1)
    share.plot(dates[known], value[known], color=ACCENT, marker=".")
    share.yaxis.set_major_formatter(lambda tick, _: f"{tick:.1%}")
    share.set_ylim(bottom=0)
    if not known.all():
        waiting = dates[~known]
        share.axvspan(waiting.min(), waiting.max(), color=PALE, alpha=0.3, label="labels to come")  # type: ignore[arg-type]  # an axis of times takes times
        share.legend(frameon=False, loc="upper left", fontsize=9)
    return figure


def count_hours(transactions: DataFrame) -> pd.DataFrame:
    """By weekday (0 is Monday) and hour in UTC: transactions, labelled, known frauds."""
    hours = transactions.groupBy(F.weekday("event_time").alias("weekday"), F.hour("event_time").alias("hour")).agg(
        F.count("*").alias("transactions"),
        F.count("is_fraud").alias("labelled"),
        F.coalesce(F.sum(F.col("is_fraud").cast("int")), F.lit(0)).alias("frauds"),
    )
    return hours.orderBy("weekday", "hour").toPandas()


def draw_hours(hours: pd.DataFrame) -> Figure:
    """Two maps of the week: volume, and the share of fraud where enough is labelled to speak of one."""
    figure, (volume, share) = make_canvas(
        "Transactions by hour (UTC)", "Known fraud, share of the labelled", columns=2, height=3.0
    )
    table = hours.pivot_table(index="weekday", columns="hour", values=["transactions", "labelled", "frauds"])
    table = table.reindex(index=range(len(WEEKDAYS)))
    labelled = table["labelled"].to_numpy()
    shares = np.where(labelled >= LEAST_LABELLED, table["frauds"] / np.maximum(labelled, 1), np.nan)
    for axes, values, colours, word in (
        (volume, table["transactions"].to_numpy(), "Blues", "{x:,.0f}"),
        (share, shares, "Oranges", "{x:.1%}"),
    ):
        names = [f"{hour}" for hour in table["transactions"].columns]
        picture = show_matrix(axes, values, WEEKDAYS, names, cmap=colours, vmin=0)
        figure.colorbar(picture, ax=axes, format=word, shrink=0.9)
    return figure


def count_amounts(transactions: DataFrame) -> pd.DataFrame:
    """By bin of amounts, eight to a factor of ten: transactions that are known as legitimate, and as fraud."""
    size = F.log10(F.greatest(F.col("amount").cast("double"), F.lit(0.01)))
    bins = transactions.where(F.col("is_fraud").isNotNull()).groupBy(
        F.floor(size * BINS_A_DECADE).cast("int").alias("bin")
    )
    counted = bins.agg(
        F.sum((~F.col("is_fraud")).cast("int")).alias("legitimate"), F.sum(F.col("is_fraud").cast("int")).alias("fraud")
    )
    rows = counted.orderBy("bin").toPandas()
    return rows.assign(amount_from=10 ** (rows["bin"] / BINS_A_DECADE))


def draw_amounts(amounts: pd.DataFrame) -> Figure:
    """Where each class has its amounts: shares of the class, so that the rare one can be seen."""
    figure, (axes,) = make_canvas("Amounts, as a share of each class", height=3.2)
    edges = np.append(amounts["amount_from"], amounts["amount_from"].iloc[-1] * 10 ** (1 / BINS_A_DECADE))
    for name, colour in (("legitimate", BLUE), ("fraud", ACCENT)):
        shares = amounts[name] / max(int(amounts[name].sum()), 1)
        axes.stairs(shares, edges, color=colour, fill=True, alpha=0.35)
        axes.stairs(shares, edges, color=colour, linewidth=1.6, label=f"{name}, {int(amounts[name].sum()):,}")
    axes.set_xscale("log")
    axes.set_xlabel("amount")
    axes.xaxis.set_major_formatter(lambda tick, _: f"{tick:g}")
    axes.yaxis.set_major_formatter(lambda tick, _: f"{tick:.0%}")
    axes.legend(frameon=False)
    return figure


def find_worst_terminals(transactions: DataFrame, most: int = 10) -> pd.DataFrame:
    """The terminals with the most known fraud: how much, and from when to when."""
    fraud = F.col("is_fraud").cast("int")
    frauds = F.when(F.col("is_fraud"), F.col("event_date"))
    terminals = transactions.groupBy("terminal_id").agg(
        F.count("*").alias("transactions"),
        F.coalesce(F.sum(fraud), F.lit(0)).alias("frauds"),
        F.min(frauds).alias("first_fraud"),
        F.max(frauds).alias("last_fraud"),
    )
    worst = terminals.where("frauds > 0").orderBy(F.desc("frauds"), "terminal_id").limit(most)
    return worst.withColumn("share", F.col("frauds") / F.col("transactions")).toPandas()


def count_refusals(context: Context) -> pd.DataFrame:
    """How many lines are in quarantine, by dataset and reason; a line with two reasons counts for both."""
    lines = context.tables.read(context.spark, QUARANTINE.name)
    reasons = lines.select("dataset", F.explode("reasons").alias("reason"))
    return reasons.groupBy("dataset", "reason").agg(F.count("*").alias("lines")).orderBy(F.desc("lines")).toPandas()


def draw_refusals(refusals: pd.DataFrame) -> Figure:
    """A bar a reason."""
    figure, (axes,) = make_canvas("Lines in quarantine, by reason", height=0.9 + 0.32 * len(refusals))
    names = refusals["dataset"] + ": " + refusals["reason"]
    axes.barh(names, refusals["lines"], color=ACCENT)
    axes.invert_yaxis()
    axes.grid(visible=False, axis="y")
    label_bars(axes, [f"{lines:,}" for lines in refusals["lines"]])
    return figure
