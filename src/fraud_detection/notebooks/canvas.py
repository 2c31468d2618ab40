"""The look of the pictures."""

from collections.abc import Sequence
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from fraud_detection.models.plots import ACCENT, INK, PALE

BLUE: Final = "#2f6fd0"
GRID: Final = "#e5e9ed"
WIDTH: Final = 9.6
__all__ = ["ACCENT", "BLUE", "GRID", "INK", "PALE", "label_bars", "make_canvas", "show_matrix"]


def make_canvas(
    *titles: str, columns: int = 1, height: float = 3.0, share_x: bool = False
) -> tuple[Figure, Sequence[Axes]]:
    """A figure with a plot for each title, from left to right and from top to bottom.

    Args:
        titles: one a plot.
        columns: plots beside each other.
        height: of a plot, in inches.
        share_x: whether plots below each other have one axis.
    """
    rows = -(-len(titles) // columns)
    figure = Figure(figsize=(WIDTH, height * rows), dpi=110, layout="constrained")
    grid = figure.subplots(rows, columns, squeeze=False, sharex="col" if share_x else "none")
    plots: list[Axes] = list(grid.ravel())
    for axes, title in zip(plots, titles, strict=False):
        axes.set_title(title, loc="left", color=INK, fontsize=11, fontweight="bold")
        axes.grid(color=GRID)
        axes.set_axisbelow(True)
        axes.spines[["top", "right"]].set_visible(False)
        axes.tick_params(labelsize=9)
    for axes in plots[len(titles) :]:
        axes.set_visible(False)
    return figure, plots


def label_bars(axes: Axes, words: Sequence[str]) -> None:
    """Write a word at the end of each horizontal bar."""
    for bar, word in zip(axes.patches, words, strict=True):
        place = (bar.get_width(), bar.get_y() + bar.get_height() / 2)  # type: ignore[attr-defined]  # bars are rectangles
        axes.annotate(word, place, xytext=(4, 0), textcoords="offset points", va="center", fontsize=9, color=INK)
    axes.margins(x=0.12)


def show_matrix(axes: Axes, values: npt.NDArray[Any], rows: Sequence[str], columns: Sequence[str], **look: Any) -> Any:
    """Colours in a grid, with a name at each row and column; what `imshow` gives."""
    picture = axes.imshow(np.asarray(values, dtype=float), aspect="auto", **look)
    axes.set_yticks(range(len(rows)), rows)
    step = -(-len(columns) // 12)
    axes.set_xticks(range(0, len(columns), step), columns[::step])
    axes.grid(visible=False)
    return picture
