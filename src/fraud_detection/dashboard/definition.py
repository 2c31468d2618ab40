"""Reads a dashboard of Databricks (`.lvdash.json`): its queries, and what each widget shows of them."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, get_args

from fraud_detection.errors import ConfigurationError

Kind = Literal["counter", "line", "bar", "table"]


@dataclass(frozen=True)
class Widget:
    """One picture.

    Attributes:
        dataset: whose rows it shows.
        fields: columns by their part: value; or x, y and perhaps color; or those of a table, by number.
        columns: of the grid, which has six.
    """

    name: str
    kind: Kind
    title: str
    description: str
    dataset: str
    fields: Mapping[str, str]
    columns: int


@dataclass(frozen=True)
class Page:
    """Widgets from left to right and from top to bottom."""

    title: str
    widgets: tuple[Widget, ...]


@dataclass(frozen=True)
class Dashboard:
    """Queries by name, and pages."""

    queries: Mapping[str, str]
    pages: tuple[Page, ...]


def read_dashboard(path: Path) -> Dashboard:
    """Read the file.

    Raises:
        ConfigurationError: it is missing or no dashboard, or a widget is of a kind that cannot be drawn here.
    """
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
        queries = {each["name"]: "".join(each["queryLines"]) for each in values["datasets"]}
        pages = tuple(Page(page["displayName"], _widgets(page)) for page in values["pages"])
    except (OSError, json.JSONDecodeError, KeyError, TypeError) as error:
        raise ConfigurationError(
            f"{path} cannot be read as a dashboard: {error!r}; expected an .lvdash.json"
        ) from error
    unknown = sorted({w.dataset for page in pages for w in page.widgets} - set(queries))
    if unknown:
        raise ConfigurationError(f"{path} has widgets of {', '.join(unknown)}; expected one of {', '.join(queries)}")
    return Dashboard(queries, pages)


def _widgets(page: Mapping[str, Any]) -> tuple[Widget, ...]:
    placed = sorted(page["layout"], key=lambda each: (each["position"]["y"], each["position"]["x"]))
    return tuple(_widget(each["widget"], each["position"]["width"]) for each in placed)


def _widget(values: Mapping[str, Any], columns: int) -> Widget:
    spec = values["spec"]
    if spec["widgetType"] not in get_args(Kind):
        found, known = spec["widgetType"], ", ".join(get_args(Kind))
        raise ConfigurationError(f"widget {values['name']} is a {found}; expected one that can be drawn here: {known}")
    return Widget(
        name=values["name"],
        kind=spec["widgetType"],
        title=spec["frame"]["title"],
        description=spec["frame"].get("description", ""),
        dataset=values["queries"][0]["query"]["datasetName"],
        fields=_fields(spec["encodings"]),
        columns=columns,
    )


def _fields(encodings: Mapping[str, Any]) -> dict[str, str]:
    if "columns" in encodings:
        return {str(place): column["fieldName"] for place, column in enumerate(encodings["columns"])}
    return {part: encoding["fieldName"] for part, encoding in encodings.items()}
