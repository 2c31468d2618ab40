"""What a table of features was made from, and whether it can be brought up to date or has to be made anew."""

import json
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta

from fraud_detection.errors import DataError
from fraud_detection.features.lateness import Lateness
from fraud_detection.schemas import SILVER_LABELS, SILVER_TRANSACTIONS

CHANGES_KEPT = timedelta(days=7)
"""Delta keeps the files of changes as long as removed ones: a week, unless a table says otherwise."""
MOST_CHANGED = 0.25
"""Share of the table's rows; what an update reads and writes passes through one process."""
KIND = "fraud_detection.features"


@dataclass(frozen=True)
class TableVersion:
    """A version of a table, whose identity another one made under the same name does not have."""

    identity: str
    version: int


@dataclass(frozen=True)
class Origin:
    """The moment up to which transactions are in the table, how they were computed, and from what.

    Attributes:
        lateness: of all labels in those versions of silver; None where nobody has looked.
    """

    as_of: datetime
    definition: str
    transactions: TableVersion
    labels: TableVersion
    lateness: Lateness | None = None

    @property
    def versions(self) -> dict[str, int]:
        """The versions of the tables, by name."""
        return {SILVER_TRANSACTIONS.name: self.transactions.version, SILVER_LABELS.name: self.labels.version}

    def to_text(self) -> str:
        """The note of the commit that writes the features."""
        return json.dumps({"kind": KIND, **asdict(self), "as_of": self.as_of.isoformat()})


@dataclass(frozen=True)
class BuildChoice:
    """Whether to bring the table up to date, since when, and why or why not."""

    since: Origin | None
    reason: str

    @property
    def name(self) -> str:
        """`update` or `rebuild`."""
        return "rebuild" if self.since is None else "update"


def read_origin(text: str) -> Origin | None:
    """The origin that a commit's note tells; None where the note is someone else's, or there is none.

    Raises:
        DataError: the note is of this kind, and lacks something.
    """
    try:
        values = json.loads(text or "null")
    except json.JSONDecodeError:
        return None  # anybody may put a note of any form on a commit
    if not isinstance(values, dict) or values.get("kind") != KIND:
        return None
    try:
        versions = {name: TableVersion(**values[name]) for name in ("transactions", "labels")}
        late = Lateness(**values["lateness"]) if values.get("lateness") else None
        return Origin(datetime.fromisoformat(values["as_of"]), values["definition"], **versions, lateness=late)
    except (KeyError, TypeError, ValueError) as error:
        raise DataError(f"the note {text!r} of the table of features lacks {error}; expected what it says") from error


def choose_build(text: str, wanted: Origin, age: timedelta) -> BuildChoice:
    """Choose between an update and a rebuild.

    Args:
        text: the note of the last commit that changed the table's rows; empty without any.
        wanted: what the table shall be made from.
        age: of that commit.
    """
    before = read_origin(text)
    if before is None:
        return BuildChoice(None, "the last change of the table, if any, does not say what it was made from")
    obstacles = {
        "the definition of the features changed": before.definition != wanted.definition,
        f"it holds transactions up to {before.as_of:%Y-%m-%d}, later than asked for": before.as_of > wanted.as_of,
        "silver was made anew": not _goes_on(before, wanted),
        f"it was made {age.days} days ago, and changes are kept for {CHANGES_KEPT.days}": age >= CHANGES_KEPT,
    }
    found = [obstacle for obstacle, holds in obstacles.items() if holds]
    if found:
        return BuildChoice(None, "; ".join(found))
    versions = f"{before.transactions.version} and {before.labels.version}"
    return BuildChoice(before, f"made as of {before.as_of:%Y-%m-%d} from versions {versions} of transactions, labels")


def refuse_many(choice: BuildChoice, changed: int, rows: int) -> BuildChoice:
    """Make the table anew where so much changed that an update would be little less work."""
    if changed <= rows * MOST_CHANGED:
        return choice
    return BuildChoice(None, f"{changed:,} rows changed of {rows:,}, more than {MOST_CHANGED:.0%}")


def _goes_on(before: Origin, wanted: Origin) -> bool:
    pairs = ((before.transactions, wanted.transactions), (before.labels, wanted.labels))
    return all(old.identity == new.identity and old.version <= new.version for old, new in pairs)
