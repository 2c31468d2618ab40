"""The card of a model: what it is, how good, how sure that is, what it must not be used for, where it comes from."""

from base64 import b64encode
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from fraud_detection.models.verdict import Verdict

FIGURES: Final = {
    "average_precision": "average precision",
    "auc_roc": "area under ROC",
    "card_precision": "card precision at 100",
    "card_share": "share of the possible card precision",
    "calibration_error": "expected calibration error",
    "brier": "Brier score",
    "saving_a_day": "saving a day",
    "possible_saving_a_day": "saving a day of perfect scores",
    "alerts_a_day": "alerts a day",
}
LEADS: Final = {"average_precision_lead": "average precision", "saving_a_day_lead": "saving a day"}
PICTURES: Final = {
    "precision_recall.png": "Precision against recall",
    "calibration.png": "Observed against predicted share of fraud",
    "roc.png": "True against false positives",
    "importances.png": "Features by their share of the gain",
}
LIMITS: Final = (
    "The score ranks transactions for review by people. It is no ground to refuse a customer without one.",
    "It was judged on one week, without the cards known as compromised. Weeks differ: read the intervals.",
    "The intervals draw whole cards, but not whole terminals: luck explains at least what they show.",
    "A figure without an interval is as uncertain as the others, and nobody has measured by how much.",
    "A terminal's risk is known only as late as its labels. The first frauds at a terminal are not seen by it.",
    "Slices with few frauds have no say in the verdict: no figure there is proof.",
    "The threshold of alerts fits the costs named here. Other costs, or another number of reviews, need another one.",
)


@dataclass(frozen=True)
class Card:
    """What a card tells.

    Attributes:
        facts: of the version: name, number, aliases at registration, dates.
        data: what it was trained and judged on.
        lineage: code, environment, data versions.
        recipe: family, where it was trained, parameters.
        cost: of training.
        pictures: PNG by file name.
    """

    title: str
    verdict: Verdict
    facts: Mapping[str, str]
    data: Mapping[str, str]
    lineage: Mapping[str, str]
    recipe: Mapping[str, str]
    cost: Mapping[str, str]
    pictures: Mapping[str, bytes]


def render_html(card: Card) -> str:
    """One file that needs nothing else."""
    return _environment(escape=True).get_template("card.html.j2").render(_view(card))


def render_markdown(card: Card) -> str:
    """The same without pictures."""
    return _environment(escape=False).get_template("card.md.j2").render(_view(card))


def _view(card: Card) -> dict[str, Any]:
    drawn = [(title, _data_uri(card.pictures[name])) for name, title in PICTURES.items() if name in card.pictures]
    leads = {words: card.verdict.intervals.get(name) for name, words in LEADS.items()}
    sections = {"Data": card.data, "Recipe": card.recipe, "Lineage": card.lineage, "Cost of training": card.cost}
    return {
        "card": card,
        "verdict": card.verdict,
        "figures": [_figure(card.verdict, name, words) for name, words in FIGURES.items()],
        "leads": [(words, lead) for words, lead in leads.items() if lead],
        "limits": LIMITS,
        "sections": sections,
        "pictures": drawn,
    }


def _figure(verdict: Verdict, name: str, words: str) -> dict[str, Any]:
    return {
        "words": words,
        "value": verdict.metrics.get(name),
        "interval": verdict.intervals.get(name),
        "champion": verdict.champion_metrics.get(name),
    }


def _data_uri(png: bytes) -> str:
    return f"data:image/png;base64,{b64encode(png).decode()}"


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:,.4g}" if abs(value) < 1_000 else f"{value:,.0f}"  # noqa: PLR2004


def _environment(*, escape: bool) -> Environment:
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        autoescape=escape,  # noqa: S701  Markdown is no HTML
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"number": _number, "cell": lambda text: str(text).replace("|", "\\|")}
    return environment
