"""Champion and challenger at work: who decides for which customer, alike in batch, in a stream and online."""

import hashlib
import logging
from collections.abc import Callable, Collection
from dataclasses import dataclass, field, replace
from time import monotonic
from typing import Final

from mlflow import MlflowClient
from mlflow.exceptions import MlflowException

from fraud_detection.errors import FraudDetectionError, ModelError
from fraud_detection.models.aliases import CHALLENGER, find_version
from fraud_detection.scoring.champion import Model, find_champion, load_version
from fraud_detection.scoring.settings import ScoringSettings

DIGITS: Final = 12  # of a hexadecimal hash: 48 bits, which a double and a BIGINT both hold exactly
PLACES: Final = 16**DIGITS
SHADOW: Final = "shadow"
UNLOADABLE: Final = (
    *(FraudDetectionError, MlflowException, OSError),
    *(ValueError, LookupError, TypeError, AttributeError, ArithmeticError),  # of files that are not a model's
)
RETRY_SECONDS: Final = 600.0
LEFT_OUT: Final = "the challenger, version %d of %s, is left out and the champion scores alone"

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Resting:
    """Versions that failed, of which nothing is asked for RETRY_SECONDS."""

    _until: dict[int, float] = field(default_factory=dict)

    def begin(self, version: int) -> None:
        """A version has failed now."""
        self._until[version] = monotonic() + RETRY_SECONDS

    def __contains__(self, version: int) -> bool:
        """Whether it is too early to ask a version again."""
        return monotonic() < self._until.get(version, 0.0)


@dataclass(frozen=True)
class LineUp:
    """The champion, and the challenger where one takes part: it decides for its share, or scores in the shadow.

    Attributes:
        rests: the challenger failed a while ago; the champion stands in for it, and it is asked for nothing.
    """

    champion: Model
    challenger: Model | None = None
    experiment: str = ""
    share: float = 0.0
    rests: bool = False

    @property
    def shadow(self) -> Model | None:
        """The challenger that scores everything, and decides nothing."""
        return self.challenger if self.challenger and self.challenger.variant == SHADOW else None

    def find_challenger(self, customer_id: str) -> Model | None:
        """The challenger, if it decides for this customer."""
        decides = self.challenger is not None and self.challenger.variant == CHALLENGER
        return self.challenger if decides and is_dealt(customer_id, self.experiment, self.share) else None

    def able(self, columns: Collection[str]) -> "LineUp":
        """Who of them can score rows with these columns: a challenger that reads others is left out.

        Raises:
            ModelError: the champion reads others.
        """
        self.champion.require_features(columns)
        try:
            if self.challenger:
                self.challenger.require_features(columns)
        except ModelError:
            log.exception(LEFT_OUT, self.challenger.version if self.challenger else 0, self.champion.name)
            return LineUp(self.champion)
        return self


def line_up(champion: Model, challenger: Model | None, settings: ScoringSettings) -> LineUp:
    """Give both their parts; a challenger that was promoted meanwhile is the champion, and nothing beside it."""
    if settings.challenger == "off" or challenger is None or challenger.version == champion.version:
        return LineUp(champion)
    variant = SHADOW if settings.challenger == "shadow" else CHALLENGER
    return LineUp(champion, replace(challenger, variant=variant), settings.experiment, settings.challenger_share)


class Contestants:
    """Champion and challenger at each moment that they are asked for; a version is loaded once while it takes part."""

    def __init__(
        self,
        client: MlflowClient,
        name: str,
        settings: ScoringSettings,
        load: Callable[[str, int], Model] = load_version,
    ) -> None:
        """Nothing is loaded yet."""
        self._client, self._name, self._settings, self._load = client, name, settings, load
        self._loaded: dict[int, Model] = {}
        self._resting = Resting()

    def current(self) -> LineUp:
        """Look the aliases up, and load what is new behind them.

        A challenger that does not load is left out, and tried again after RETRY_SECONDS: the champion's decisions do
        not wait for it.

        Raises:
            ModelError: the model has no champion.
            GateError: the registry doesn't say.
        """
        champion = self._take(find_champion(self._client, self._name))
        challenger = self._find_challenger() if self._settings.challenger != "off" else None
        self._loaded = {one.version: one for one in (champion, challenger) if one}
        return line_up(champion, challenger, self._settings)

    def _find_challenger(self) -> Model | None:
        version = find_version(self._client, self._name, CHALLENGER)
        if version is None:
            log.warning(
                "scoring.challenger is %s, and %s has no challenger: the champion scores alone",
                *(self._settings.challenger, self._name),
            )
            return None
        if version in self._resting:
            return None
        try:
            return self._take(version)
        except UNLOADABLE as error:
            self.leave_out(version, error)
            return None

    def leave_out(self, version: int, error: Exception) -> None:
        """Ask a challenger that failed for nothing more, for RETRY_SECONDS."""
        log.error(LEFT_OUT, version, self._name, exc_info=error)
        self._resting.begin(version)

    def _take(self, version: int) -> Model:
        return self._loaded.get(version) or self._load(self._name, version)


def is_dealt(customer_id: str, experiment: str, share: float) -> bool:
    """Whether the challenger decides for a customer; the same for ever under the same name of the experiment."""
    digest = hashlib.sha256(f"{experiment}:{customer_id}".encode()).hexdigest()
    return int(digest[:DIGITS], 16) < int(share * PLACES)
