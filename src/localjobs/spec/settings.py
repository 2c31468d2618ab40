"""What all settings have in common."""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict

PauseStatus = Literal["PAUSED", "UNPAUSED"]


def _as_text(value: Any) -> Any:
    if isinstance(value, bool):
        return str(value).lower()
    return str(value) if isinstance(value, int | float) else value


Text = Annotated[str, BeforeValidator(_as_text)]
"""A string; YAML's numbers and booleans become one, as they do in the CLI."""

TextMap = dict[str, Text]


class Settings(BaseModel):
    """A group of settings: unknown keys are refused, values cannot be changed."""

    # Built at first use: --help needs none.
    model_config = ConfigDict(extra="forbid", frozen=True, protected_namespaces=(), defer_build=True)
