"""The dashboard as one HTML file that needs nothing else."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any, Final

from jinja2 import Environment, PackageLoader, StrictUndefined

from fraud_detection.dashboard.chart import Point, draw, word
from fraud_detection.dashboard.definition import Dashboard, Widget

Rows = Sequence[Mapping[str, Any]]
NOTHING: Final = "nothing yet"


def render(dashboard: Dashboard, found: Mapping[str, Rows | str], title: str, made_at: datetime) -> str:
    """The page.

    Args:
        dashboard: what to draw.
        found: the rows of each query, or why there are none.
        title: of the page.
        made_at: shown below it.
    """
    environment = Environment(
        loader=PackageLoader("fraud_detection.dashboard"), autoescape=True, undefined=StrictUndefined
    )
    pages = [
        {"title": page.title, "widgets": [view(widget, found[widget.dataset]) for widget in page.widgets]}
        for page in dashboard.pages
    ]
    return environment.get_template("dashboard.html.j2").render(pages=pages, title=title, made_at=made_at)


def view(widget: Widget, rows: Rows | str) -> dict[str, Any]:
    """What the template needs of a widget."""
    shown = {"widget": widget, "note": rows if isinstance(rows, str) else "" if rows else NOTHING}
    if shown["note"] or isinstance(rows, str):
        return shown
    if widget.kind == "counter":
        return shown | {"value": as_text(rows[0][widget.fields["value"]])}
    if widget.kind == "table":
        columns = list(widget.fields.values())
        return shown | {"columns": columns, "rows": [[as_text(row[column]) for column in columns] for row in rows]}
    points = as_points(widget, rows)
    return shown | ({"chart": draw(points, bars=widget.kind == "bar")} if points else {"note": NOTHING})


def as_points(widget: Widget, rows: Rows) -> list[Point]:
    """The rows of a chart; those without a value are left out."""
    x, y, color = widget.fields["x"], widget.fields["y"], widget.fields.get("color")
    return [
        (as_text(row[x]), as_text(row[color]) if color else "", float(row[y])) for row in rows if row[y] is not None
    ]


def as_text(value: object) -> str:
    """A value as people read it."""
    if value is None:
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, date | str):
        return str(value)
    return word(float(str(value)))
