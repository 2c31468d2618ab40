"""A session that needs no Spark: SQLite in memory."""

import sqlite3


class Rows:
    """What a statement returned."""

    def __init__(self, cursor):
        self.columns = [column[0] for column in cursor.description or ()]
        self._cursor = cursor

    def show(self, *, truncate=True):  # noqa: ARG002 - as Spark calls it
        for row in self._cursor:
            print(*row, sep=" | ")


class Session:
    """Runs SQL."""

    def __init__(self):
        self._db = sqlite3.connect(":memory:", isolation_level=None)

    def sql(self, statement, args=()):
        return Rows(self._db.execute(statement, args))


def make_session():
    return Session()
