"""Champion and challenger at work: who decides for which customer."""

import hashlib
import logging
from dataclasses import dataclass, replace
from typing import Final

from mlflow import MlflowClient
from pyspark.sql import Column
from pyspark.sql import functions as F

from fraud_detection.models.aliases import CHALLENGER, find_version
from fraud_detection.scoring.champion import Champion, Model, load_version
from fraud_detection.scoring.settings import ScoringSettings

DIGITS: Final = 12  # of a hexadecimal hash: 48 bits, which a double and a BIGINT both hold exactly
PLACES: Final = 16**DIGITS
SHADOW: Final = "shadow"

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Turn:
    """A version, and the rows that it scores."""

    model: Model
    rows: Column


def line_up(client: MlflowClient, name: str, settings: ScoringSettings) -> list[Turn]:
    """The champion first; then the challenger, if the settings ask for it and there is another version to ask.

    Raises:
        ModelError: the model has no champion.
        GateError: the registry doesn't say.
    """
    champion, everybody = Champion(client, name).current(), F.lit(True)
    number = find_version(client, name, CHALLENGER) if settings.challenger != "off" else None
    if number in {None, champion.version}:
        if settings.challenger != "off":
            log.warning(
                "scoring.challenger is %s, and %s has no challenger: the champion scores", settings.challenger, name
            )
        return [Turn(champion, everybody)]
    challenger = load_version(name, int(number or 0))
    if settings.challenger == "shadow":
        return [Turn(champion, everybody), Turn(replace(challenger, variant=SHADOW), everybody)]
    dealt = is_dealt_column(F.col("customer_id"), settings.experiment, settings.challenger_share)
    return [Turn(champion, ~dealt), Turn(replace(challenger, variant="challenger"), dealt)]


def is_dealt(customer_id: str, experiment: str, share: float) -> bool:
    """Whether the challenger decides for a customer; the same for ever under the same name of the experiment."""
    digest = hashlib.sha256(f"{experiment}:{customer_id}".encode()).hexdigest()
    return int(digest[:DIGITS], 16) < int(share * PLACES)


def is_dealt_column(customer_id: Column, experiment: str, share: float) -> Column:
    """The same for the rows of a frame."""
    digest = F.sha2(F.concat_ws(":", F.lit(experiment), customer_id), 256)
    place = F.conv(F.substring(digest, 1, DIGITS), 16, 10).cast("bigint")
    return place < F.lit(int(share * PLACES))
