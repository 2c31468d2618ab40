"""How states, durations and values read on a screen."""

import json
import math
from typing import Any

from localjobs.states import LifeCycle, Result

STYLES = {
    Result.SUCCESS: "green",
    Result.SUCCESS_WITH_FAILURES: "yellow",
    Result.FAILED: "bold red",
    Result.TIMEDOUT: "bold red",
    Result.CANCELED: "magenta",
    LifeCycle.RUNNING: "cyan",
    LifeCycle.WAITING_FOR_RETRY: "yellow",
}
_SIGNIFICANT = 6
_PRECISE = 4


def word_state(state: LifeCycle, result: Result | None) -> str:
    """The result once there is one, else how far things have come."""
    return str(result or state)


def style_state(state: LifeCycle, result: Result | None) -> str:
    """The rich style of a state."""
    return STYLES.get(result or state, "dim")


def word_seconds(seconds: float) -> str:
    """`0.42 s`, `12.3 s`, `3 m 05 s`, `2 h 07 m`."""
    minutes, rest = divmod(round(seconds), 60)
    if seconds < 10:  # noqa: PLR2004 - below that, tenths are too coarse
        return f"{seconds:.2f} s"
    if minutes == 0:
        return f"{seconds:.1f} s"
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes:02d} m" if hours else f"{minutes} m {rest:02d} s"


def word_number(value: float) -> str:
    """A number with as many digits as help to read it: `1,750,000`, `0.8731`, `0.000042`."""
    if not math.isfinite(value):
        return str(value)
    if float(value).is_integer():
        return f"{int(value):,}"
    small = -math.floor(math.log10(abs(value))) + 1
    return f"{value:,.{max(_PRECISE, small)}f}"


def word_column(name: str) -> str:
    """The heading of a sink's column: `estimated_cost_usd` is `estimated cost (USD)`."""
    words = name.removesuffix("_usd").replace("_", " ")
    return f"{words} (USD)" if name.endswith("_usd") else words


def word_value(value: Any) -> str:
    """A task value or a sink's column: numbers rounded, structures as compact JSON."""
    if isinstance(value, bool) or value is None:
        return json.dumps(value)
    if isinstance(value, int | float):
        return word_number(value)
    return value if isinstance(value, str) else json.dumps(_rounded(value), ensure_ascii=False)


def _rounded(value: Any) -> Any:
    if isinstance(value, float):
        return float(f"{value:.{_SIGNIFICANT}g}")
    if isinstance(value, dict):
        return {key: _rounded(item) for key, item in value.items()}
    return [_rounded(item) for item in value] if isinstance(value, list) else value


def is_number(value: object) -> bool:
    """Whether a column's value can be added up."""
    return isinstance(value, int | float) and not isinstance(value, bool)


def total_columns(columns: list[dict[str, Any]]) -> dict[str, Any]:
    """The columns of several attempts as one: numbers added, of other values the last."""
    total: dict[str, Any] = {}
    for row in columns:
        for name, value in row.items():
            total[name] = total.get(name, 0) + value if is_number(value) else value
    return total
