"""One question asked in pandas, in the pandas API on Spark, and in Spark: the same answer at other prices."""

from collections.abc import Callable, Mapping
from time import perf_counter
from typing import Any, Final

import pandas as pd
from matplotlib.figure import Figure
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from fraud_detection.notebooks.canvas import ACCENT, label_bars, make_canvas
from fraud_detection.notebooks.transactions import read_transactions
from fraud_detection.tasks.context import Context

ANSWER: Final = ("transactions", "spent_cents", "largest_cents", "frauds")
KEY: Final = "customer_id"


def read_spend(context: Context) -> DataFrame:
    """What is asked: a row a transaction with customer, amount in cents, and 1 for a known fraud."""
    cents = (F.col("amount") * 100).cast("bigint").alias("cents")
    fraud = F.coalesce(F.col("is_fraud").cast("bigint"), F.lit(0)).alias("fraud")
    return read_transactions(context).select(KEY, cents, fraud)


def spend_by_customer(rows: Any) -> Any:
    """The question, in words that pandas and the pandas API on Spark both understand."""
    return rows.groupby(KEY).agg(
        transactions=("cents", "count"),
        spent_cents=("cents", "sum"),
        largest_cents=("cents", "max"),
        frauds=("fraud", "sum"),
    )


def spend_by_customer_in_spark(rows: DataFrame) -> DataFrame:
    """The same question in Spark's own words."""
    return rows.groupBy(KEY).agg(
        F.count("cents").alias("transactions"),
        F.sum("cents").alias("spent_cents"),
        F.max("cents").alias("largest_cents"),
        F.sum("fraud").alias("frauds"),
    )


def as_answer(found: pd.DataFrame) -> pd.DataFrame:
    """The form in which answers are compared: by customer, in order, whole numbers."""
    indexed = found.set_index(KEY) if KEY in found.columns else found
    return indexed.sort_index()[list(ANSWER)].astype("int64")


def ways_to_ask(rows: DataFrame) -> dict[str, Callable[[], pd.DataFrame]]:
    """Each way from the rows in Spark to an answer here."""
    return {
        "pandas (all rows come here)": lambda: as_answer(spend_by_customer(rows.toPandas())),
        "pandas API on Spark": lambda: as_answer(spend_by_customer(rows.pandas_api()).to_pandas()),
        "Spark": lambda: as_answer(spend_by_customer_in_spark(rows).toPandas()),
    }


def ask(ways: Mapping[str, Callable[[], pd.DataFrame]]) -> tuple[dict[str, pd.DataFrame], dict[str, float]]:
    """The answer of each way, and the seconds of its second time: the first one warms up."""
    answers, seconds = {}, {}
    for name, way in ways.items():
        way()
        started = perf_counter()
        answers[name] = way()
        seconds[name] = perf_counter() - started
    return answers, seconds


def draw_seconds(seconds: Mapping[str, float]) -> Figure:
    """A bar a way."""
    figure, (axes,) = make_canvas("Seconds to the answer", height=0.8 + 0.35 * len(seconds))
    axes.barh(list(seconds), list(seconds.values()), color=ACCENT)
    axes.invert_yaxis()
    axes.grid(visible=False, axis="y")
    label_bars(axes, [f"{value:.2f} s" for value in seconds.values()])
    return figure
