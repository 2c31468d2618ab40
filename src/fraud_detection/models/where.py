"""Where a model is trained: one rule with its reason in a sentence, as `features/engine.py` is for features.

Its constants are what `benchmarks/families.py --size` prints; docs/models.md says what was measured where.
"""

from dataclasses import dataclass, replace
from typing import Final

from fraud_detection.errors import ConfigurationError, MachineError
from fraud_detection.models.settings import FamilyName, Road, TrainingSettings

KEY_BYTES: Final = 50
"""Of a row beside its features: short identifiers, times, amount, label; 47 were measured."""
FEATURE_BYTES: Final = 4
COPIES: Final = 4.5
"""Peak of reading and training on one node, in copies of the rows that came to it."""
MEMORY_SHARE: Final = 0.6
"""Of the free memory; the rest is for the session and the operating system."""
NODE_CPU_SECONDS: Final = 19.0
"""Of one booster on a million sampled rows with 35 features, until it stops."""
SPARK_CPU_SECONDS: Final = 55.0
SPARK_START_SECONDS: Final = 5.0
PATIENCE_SECONDS: Final = 1_800.0
"""One node searches for parameters and Spark does not, so it is left for speed only where it takes longer than this."""
USUAL_COLUMNS: Final = 35
TWINS: Final[dict[str, FamilyName]] = {
    "xgboost": "xgboost_spark",
    "logistic_regression": "spark_logistic_regression",
}
"""The family of one node, and the same on Spark."""


@dataclass(frozen=True)
class Size:
    """How much there is to learn from.

    Attributes:
        rows: of the whole period that training looks at.
        window: of these in the training window, the held-out days aside.
        held_out: of the held-out days.
        frauds: at most, in the window.
        columns: features.
    """

    rows: int
    window: int
    held_out: int
    frauds: int
    columns: int

    def used(self, negative_share: float) -> int:
        """Rows that are fitted on or held out, after the window and the sampling of the legitimate ones."""
        frauds = min(self.frauds, self.window)
        return frauds + round(negative_share * (self.window - frauds)) + self.held_out


@dataclass(frozen=True)
class Room:
    """What this node and its Spark can take.

    Attributes:
        memory_bytes: free on this node.
        result_bytes: most that Spark lets its driver collect (spark.driver.maxResultSize); 0 for no limit.
        cores: of this node.
        spark_cores: of all of Spark.
    """

    memory_bytes: int
    result_bytes: int
    cores: int
    spark_cores: int

    def refuse(self, rows: int, columns: int) -> str:
        """Why rows cannot come to this node; empty where they can."""
        size = rows * (KEY_BYTES + FEATURE_BYTES * columns)
        needed, usable = int(size * COPIES), int(self.memory_bytes * MEMORY_SHARE)
        if needed > usable:
            return f"{rows:,} rows need {_gb(needed)} of memory, one node has {_gb(usable)} to give"
        if 0 < self.result_bytes < size:
            return f"{rows:,} rows are {_gb(size)}, spark.driver.maxResultSize is {_gb(self.result_bytes)}"
        return ""

    def check(self, rows: int, columns: int, what: str) -> None:
        """Let nothing come to this node that it cannot hold.

        Raises:
            MachineError: it does not fit.
        """
        refused = self.refuse(rows, columns)
        if refused:
            raise MachineError(
                f"{what}: {refused}; expected it to fit: take a larger node; training also fits by fewer "
                "training.held_out_days, a smaller training.negative_share, or training.where auto"
            )


@dataclass(frozen=True)
class Choice:
    """The road that the rows take, the family that is fitted at its end, and why."""

    road: Road
    family: FamilyName
    reason: str


def choose_where(size: Size, room: Room, settings: TrainingSettings) -> Choice:
    """Choose where to train.

    Raises:
        ConfigurationError: the settings ask for one node and for a family that only Spark fits.
        MachineError: the settings ask for all rows on one node, and it cannot hold them.
    """
    family, where = settings.family, settings.where
    if family not in TWINS:
        if where in {"single_node", "sampled"}:
            raise ConfigurationError(
                f"training.where is {where} and training.family {family}, which Spark fits; expected spark or auto"
            )
        return Choice("spark", family, f"the settings ask for {family}, which Spark fits")
    if where == "auto":
        choice = _choose_by_size(size, room, settings)
    else:
        if where == "single_node":
            room.check(size.rows, size.columns, "training.where is single_node")
        choice = Choice(where, TWINS[family] if where == "spark" else family, f"the settings ask for {where}")
    return _tell_of_no_search(choice, settings)


def _tell_of_no_search(choice: Choice, settings: TrainingSettings) -> Choice:
    if choice.road == "single_node" or settings.family != "xgboost" or not settings.trials:
        return choice
    return replace(choice, reason=f"{choice.reason}; no search there, training.parameters are taken as they are")


def _choose_by_size(size: Size, room: Room, settings: TrainingSettings) -> Choice:
    family, used = settings.family, size.used(settings.negative_share)
    alone, spread = _estimate_seconds(size, room, settings)
    too_large = room.refuse(size.rows, size.columns)
    if room.refuse(used, size.columns):
        return Choice("spark", TWINS[family], f"after sampling, {room.refuse(used, size.columns)}")
    if alone > max(PATIENCE_SECONDS, spread):
        reason = f"fitting {used:,} rows takes about {alone:,.0f} s on one node, {spread:,.0f} s on Spark"
        return Choice("spark", TWINS[family], reason)
    figures = f"the {used:,} that are used fit, and take about {alone:.0f} s to fit, {spread:.0f} s on Spark"
    if too_large:
        return Choice("sampled", family, f"{too_large}; {figures}")
    return Choice("single_node", family, f"all {size.rows:,} rows fit into memory; {figures}")


def _estimate_seconds(size: Size, room: Room, settings: TrainingSettings) -> tuple[float, float]:
    """Of fitting on one node and on Spark; what one node spends on its search is not counted."""
    drawn = size.used(settings.negative_share) - size.held_out
    millions = settings.boosters * drawn * size.columns / USUAL_COLUMNS / 1e6
    threads = min(settings.threads, room.cores)
    spread = settings.boosters * SPARK_START_SECONDS + millions * SPARK_CPU_SECONDS / room.spark_cores
    return millions * NODE_CPU_SECONDS / threads, spread


def _gb(size: int) -> str:
    return f"{size / 1e9:.1f} GB"
