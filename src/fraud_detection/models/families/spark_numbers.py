"""Fitted pipelines of Spark ML as numbers that score without Spark, equal to its own probabilities."""

import json
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import polars as pl
import xgboost as xgb
from pyspark.sql import functions as F

from fraud_detection.features.frames import to_polars
from fraud_detection.models.families.spark_rows import RowsInSpark
from fraud_detection.models.scorer import Linear, Scorer

Floats = npt.NDArray[np.floating]

NO_NODE: Final = -1
ROOT_HAS_NO_PARENT: Final = 2**31 - 1


def read_logistic(model: Any, part: RowsInSpark) -> Scorer:
    """Imputer, assembler, scaler and logistic regression."""
    imputer, _, scaler, line = model.stages
    spread = scaler.std.toArray()
    constant = spread == 0  # Spark gives such a feature the value 0
    linear = Linear(
        coefficients=tuple(np.where(constant, 0, line.coefficients.toArray()).tolist()),
        means=tuple(scaler.mean.toArray().tolist()),
        scales=tuple(np.where(constant, 1, spread).tolist()),
        absent=tuple(_medians(imputer, part.features).tolist()),
        intercept=float(line.intercept),
    )
    return Scorer(part.features, linear=(linear,))


def read_forest(model: Any, part: RowsInSpark) -> Scorer:
    """Imputer, assembler and random forest: a leaf votes by its share of frauds, and each tree has as many votes."""
    imputer, _, forest = model.stages
    nodes = _read_nodes(forest, part)
    counts = np.array(nodes["impurityStats"].to_list())
    leaves = counts[:, 1] / counts.sum(axis=1) / forest.getNumTrees
    booster = _to_booster(nodes, leaves, counts.sum(axis=1), _medians(imputer, part.features), "reg:squarederror", 0.0)
    return Scorer(part.features, forests=(booster,))


def read_gbt(model: Any, part: RowsInSpark) -> Scorer:
    """Imputer, assembler and boosted trees: Spark's margin is half of the log-odds (Friedman, 1999)."""
    imputer, _, boosted = model.stages
    nodes = _read_nodes(boosted, part)
    weights = np.array(boosted.treeWeights)[nodes["treeID"].to_numpy()]
    leaves = 2 * weights * nodes["prediction"].to_numpy()
    covers = np.array(nodes["impurityStats"].to_list())[:, 0]
    booster = _to_booster(nodes, leaves, covers, _medians(imputer, part.features), "binary:logistic", 0.5)
    return Scorer(part.features, boosters=(booster,))


def _medians(imputer: Any, features: tuple[str, ...]) -> Floats:
    found = to_polars(imputer.surrogateDF).row(0, named=True)
    return np.array([found[name] for name in features], dtype=np.float32)


def _read_nodes(trees: Any, part: RowsInSpark) -> pl.DataFrame:
    """One line a node, in the order of trees and nodes; Spark gives them all at once only as files."""
    with part.folder() as folder:
        trees.write().save(str(folder))
        nodes = part.rows.sparkSession.read.parquet(str(folder / "data")).select("treeID", "nodeData.*")
        split = {
            "feature": F.col("split.featureIndex"),
            "threshold": F.get(F.col("split.leftCategoriesOrThreshold"), F.lit(0)),
        }
        return to_polars(nodes.withColumns(split).drop("split")).sort("treeID", "id")


def _to_booster(
    nodes: pl.DataFrame, leaves: Floats, covers: Floats, medians: Floats, objective: str, base_score: float
) -> xgb.Booster:
    """Trees of Spark as trees of XGBoost, whose header XGBoost writes itself."""
    empty = xgb.DMatrix(np.zeros((2, medians.size), dtype=np.float32), label=[0, 1])
    header = xgb.train({"objective": objective, "base_score": base_score}, empty, num_boost_round=1)
    content = json.loads(header.save_raw("json"))
    whole = nodes.with_columns(leaf=pl.Series(leaves), cover=pl.Series(covers))
    trees = [_to_tree(tree, medians) for tree in whole.partition_by("treeID", maintain_order=True)]
    model = content["learner"]["gradient_booster"]["model"]
    model["trees"] = [tree | {"id": number} for number, tree in enumerate(trees)]
    model["tree_info"], model["iteration_indptr"] = [0] * len(trees), list(range(len(trees) + 1))
    model["gbtree_model_param"]["num_trees"] = str(len(trees))
    booster = xgb.Booster()
    booster.load_model(bytearray(json.dumps(content).encode()))
    return booster


def _to_tree(nodes: pl.DataFrame, medians: Floats) -> dict[str, Any]:
    """One tree; a gap goes where the median would, and gains and covers are kept for reasons and pictures."""
    left, right = nodes["leftChild"].to_numpy(), nodes["rightChild"].to_numpy()
    inner = left != NO_NODE
    features = np.where(inner, nodes["feature"].to_numpy(), 0)
    thresholds = nodes["threshold"].fill_null(0).to_numpy()
    values = np.where(inner, _first_above(thresholds), nodes["leaf"].to_numpy().astype(np.float32))
    parents = np.full(nodes.height, ROOT_HAS_NO_PARENT)
    parents[left[inner]] = parents[right[inner]] = np.flatnonzero(inner)
    zeros: list[int] = [0] * nodes.height
    return {
        "base_weights": values.tolist(),
        **{key: [] for key in ("categories", "categories_nodes", "categories_segments", "categories_sizes")},
        "default_left": (inner & (medians[features] <= thresholds)).astype(int).tolist(),
        "left_children": left.tolist(),
        "loss_changes": np.where(inner, nodes["gain"] * nodes["cover"], 0).tolist(),
        "parents": parents.tolist(),
        "right_children": right.tolist(),
        "split_conditions": values.tolist(),
        "split_indices": features.tolist(),
        "split_type": zeros,
        "sum_hessian": nodes["cover"].to_list(),
        "tree_param": {
            "num_deleted": "0",
            "num_feature": str(medians.size),
            "num_nodes": str(nodes.height),
            "size_leaf_vector": "1",
        },
    }


def _first_above(thresholds: Floats) -> npt.NDArray[np.float32]:
    """The first single-precision number above each: Spark goes left up to the threshold, XGBoost below it."""
    near = thresholds.astype(np.float32)
    up = np.nextafter(near, np.float32(np.inf))
    return np.asarray(np.where(near.astype(np.float64) > thresholds, near, up), dtype=np.float32)
