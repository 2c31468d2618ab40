"""Pictures of a model: precision and recall, ROC, calibration, importances."""

from collections.abc import Mapping
from typing import Final

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from sklearn.metrics import average_precision_score, precision_recall_curve, roc_auc_score, roc_curve

from fraud_detection.models.metrics import calibration_error
from fraud_detection.models.scorer import Scorer

Floats = npt.NDArray[np.floating]
Labels = npt.NDArray[np.bool_]

INK, PALE, ACCENT = "#1b2733", "#9aa7b3", "#c2410c"
MOST_BARS: Final = 20
LEVELS: Final = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.35, 0.5, 0.65, 0.8, 0.9, 0.95, 0.98, 0.99)
TICKS: Final = (0.0001, 0.001, 0.01, 0.1, 0.5, 0.9, 0.99, 0.999, 0.9999)
NORMAL_95: Final = 1.96


def draw_all(labels: Labels, probabilities: Floats, importances: Mapping[str, float], title: str) -> dict[str, Figure]:
    """Every picture by the name of its file."""
    return {
        "precision_recall.png": draw_precision_recall(labels, probabilities, title),
        "roc.png": draw_roc(labels, probabilities, title),
        "calibration.png": draw_calibration(labels, probabilities, title),
        "importances.png": draw_importances(importances),
    }


def draw_precision_recall(labels: Labels, probabilities: Floats, title: str) -> Figure:
    """Precision against recall; the dashed line is what chance reaches."""
    precision, recall, _ = precision_recall_curve(labels, probabilities)
    value = average_precision_score(labels, probabilities)
    figure, axes = _canvas(f"Precision and recall · {title}", "recall", "precision")
    axes.plot(recall[:-1], precision[:-1], color=ACCENT, label=f"model, average precision {value:.3f}")
    share = float(labels.mean())
    axes.axhline(share, color=PALE, linestyle="--", label=f"chance, {share:.4f}")
    _unit_square(axes)
    axes.legend(loc="lower left", frameon=False)
    return figure


def draw_roc(labels: Labels, probabilities: Floats, title: str) -> Figure:
    """True against false positives."""
    false, true, _ = roc_curve(labels, probabilities)
    figure, axes = _canvas(f"ROC · {title}", "share of legitimate flagged", "share of fraud flagged")
    axes.plot(false, true, color=ACCENT, label=f"model, area {roc_auc_score(labels, probabilities):.3f}")
    axes.plot([0, 1], [0, 1], color=PALE, linestyle="--", label="chance")
    _unit_square(axes)
    axes.legend(loc="lower right", frameon=False)
    return figure


def draw_calibration(labels: Labels, probabilities: Floats, title: str) -> Figure:
    """Observed against predicted share of fraud by level of probability, with 95 % intervals, on log-odds scales."""
    figure, axes = _canvas(f"Calibration · {title}", "predicted probability", "observed share of fraud")
    predicted, observed, low, high = _observed_by_level(labels, probabilities)
    span = [predicted.min() / 2, (1 + predicted.max()) / 2]
    axes.plot(span, span, color=PALE, linestyle="--", label="perfect")
    error = calibration_error(labels, probabilities)
    axes.errorbar(
        predicted,
        observed,
        yerr=[observed - low, high - observed],
        fmt="o",
        color=ACCENT,
        capsize=2,
        label=f"model, expected error {error:.4f}",
    )
    _log_odds_axes(axes, float(min(low.min(), span[0])), float(max(high.max(), span[1])))
    axes.legend(loc="upper left", frameon=False)
    return figure


def _log_odds_axes(axes: Axes, low: float, high: float) -> None:
    ticks = [tick for tick in TICKS if low <= tick <= high]
    for axis, set_scale in ((axes.xaxis, axes.set_xscale), (axes.yaxis, axes.set_yscale)):
        set_scale("logit")
        axis.set_ticks(ticks, [f"{tick:g}" for tick in ticks])
    axes.minorticks_off()


def _observed_by_level(labels: Labels, probabilities: Floats) -> tuple[Floats, Floats, Floats, Floats]:
    """For each level that has rows: mean probability, share of frauds, and the Wilson interval of that share."""
    level = np.digitize(probabilities, LEVELS)
    rows = np.bincount(level, minlength=len(LEVELS) + 1)
    filled = rows > 0
    rows = rows[filled]
    predicted = np.bincount(level, probabilities, len(LEVELS) + 1)[filled] / rows
    share = np.bincount(level, labels, len(LEVELS) + 1)[filled] / rows
    centre = (share + NORMAL_95**2 / (2 * rows)) / (1 + NORMAL_95**2 / rows)
    half = NORMAL_95 / (1 + NORMAL_95**2 / rows) * np.sqrt(share * (1 - share) / rows + (NORMAL_95 / (2 * rows)) ** 2)
    edge = 0.5 / (rows + 1)
    low, high = np.clip(centre - half, edge, None), np.clip(centre + half, None, 1 - edge)
    return predicted, np.clip(share, low, high), low, high


def draw_importances(importances: Mapping[str, float]) -> Figure:
    """The features that won most, as a share of all gain."""
    largest = sorted(importances.items(), key=lambda item: item[1])[-MOST_BARS:]
    figure, axes = _canvas("Importance of features", "share of the total gain, or of the coefficients", "")
    axes.barh([name for name, _ in largest], [share for _, share in largest], color=ACCENT)
    axes.tick_params(axis="y", labelsize=8)
    axes.grid(visible=False, axis="y")
    return figure


def gain_shares(scorer: Scorer) -> dict[str, float]:
    """Each feature's share of the total gain of all trees, or of linear coefficients; 0 for one that nothing reads."""
    totals = dict.fromkeys(scorer.features, 0.0)
    for part in scorer.linear:
        for name, coefficient in zip(scorer.features, part.coefficients, strict=True):
            totals[name] += abs(coefficient)
    for booster in (*scorer.boosters, *scorer.forests):
        for key, gain in booster.get_score(importance_type="total_gain").items():
            totals[scorer.features[int(key.removeprefix("f"))]] += float(np.sum(gain))
    whole = sum(totals.values()) or 1.0
    return {name: gain / whole for name, gain in totals.items()}


def _canvas(title: str, x: str, y: str) -> tuple[Figure, Axes]:
    figure = Figure(figsize=(6.4, 4.8), dpi=110, layout="constrained")
    axes = figure.add_subplot()
    axes.set_title(title, loc="left", color=INK, fontsize=11, fontweight="bold")
    axes.set_xlabel(x, color=INK)
    axes.set_ylabel(y, color=INK)
    axes.grid(color="#e5e9ed")
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)
    return figure, axes


def _unit_square(axes: Axes) -> None:
    axes.set_xlim(-0.01, 1.01)
    axes.set_ylim(-0.01, 1.01)
