"""The online store: the histories of cards and terminals, behind one interface."""

from collections.abc import Collection
from typing import Final, Literal, Protocol

from fraud_detection.errors import StoreError
from fraud_detection.features.online import EntityHistory
from fraud_detection.scoring.online.history import Labels, Rows

Kind = Literal["customer_id", "terminal_id"]
DEFINITION: Final = "definition"


class Store(Protocol):
    """What the app, the stream and `fraud-serve fill` need of a store. Every method raises StoreError."""

    async def read(self, kind: Kind, entities: Collection[str], since: int) -> dict[str, EntityHistory]:
        """Histories of the entities that are known: their rows from `since` (microseconds) on, maybe earlier ones."""

    async def add(self, rows: Rows) -> None:
        """Add transactions, each once; one that is there takes its new content, and keeps its label if it has none.

        A label that came before its transaction is put to it.
        """

    async def add_labels(self, labels: Labels) -> None:
        """Put labels to transactions, also to such as come later."""

    async def prune(self, before: int) -> None:
        """Drop events from before a time (microseconds), as far as the store's parts allow."""

    async def erase(self, customer: str) -> int:
        """Remove all transactions of a customer, their labels too; how many there were."""

    async def count(self) -> int:
        """How many transactions there are."""

    async def check(self) -> None:
        """Raise StoreError unless the store answers and holds what the features of this release need."""

    async def begin(self) -> None:
        """Start filling: what was filled by another definition of the features is dropped."""

    async def finish(self) -> None:
        """Say that the store is filled; before, and after a change of definition, `check` refuses it."""

    async def close(self) -> None:
        """Let go of files and connections."""


def require_definition(found: str | None, wanted: str) -> None:
    """Refuse a store that was filled by other features, or never.

    Raises:
        StoreError: says so, and what to do.
    """
    if found is None:
        raise StoreError("the store has not been filled; expected histories: run `fraud-serve fill`")
    if found != wanted:
        raise StoreError(f"the store holds features of definition {found}; expected {wanted}: run `fraud-serve fill`")
