"""What the app must keep secret, from the environment: on Databricks a secret scope and the app's identity fill it."""

import os
from collections.abc import Callable
from typing import Final

from fraud_detection.errors import ConfigurationError

TOKEN: Final = "FRAUD_SERVE_TOKEN"  # noqa: S105  the name of the variable
SHORTEST: Final = 16
APP: Final = "DATABRICKS_APP_PORT"


def read_tokens() -> tuple[bytes, ...]:
    """The tokens that callers may show; two while one is being replaced, with a space between them.

    Raises:
        ConfigurationError: there is none, or one is short enough to be guessed.
    """
    tokens = tuple(token.encode() for token in os.environ.get(TOKEN, "").split())
    if not tokens or min(map(len, tokens)) < SHORTEST:
        raise ConfigurationError(
            f"{TOKEN} holds {'a short token' if tokens else 'no token'}; expected {SHORTEST} characters or more, "
            "by the environment, on Databricks from a secret scope: nothing is served without"
        )
    return tokens


def database_password() -> str | Callable[[], str] | None:
    """The password of PostgreSQL: PGPASSWORD; for an app on Databricks its OAuth token, new for each connection."""
    if "PGPASSWORD" in os.environ or APP not in os.environ:
        return None  # the driver reads PGPASSWORD, or a password file, by itself
    from databricks.sdk import WorkspaceClient  # noqa: PLC0415  needed on Databricks only

    config = WorkspaceClient().config
    return lambda: str(config.oauth_token().access_token)
