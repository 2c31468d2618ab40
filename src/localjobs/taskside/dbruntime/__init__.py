"""Stands for the module of Databricks Runtime from which databricks.sdk.runtime takes `dbutils`."""

from localjobs_task.dbutils import shared_dbutils  # type: ignore[import-not-found]  # beside this one on PYTHONPATH


class UserNamespaceInitializer:
    """Makes the names that a notebook finds defined."""

    _instance: "UserNamespaceInitializer | None" = None

    @classmethod
    def getOrCreate(cls) -> "UserNamespaceInitializer":  # noqa: N802 - the platform's name
        """The one instance of the process."""
        if cls._instance is None:
            cls._instance = cls()
        return cls._instance

    def __init__(self) -> None:
        """Offer `dbutils`."""
        self._names: dict[str, object] = {"dbutils": shared_dbutils()}

    def get_namespace_globals(self) -> dict[str, object]:
        """The names by which databricks.sdk.runtime finds them."""
        return self._names
