"""Colours of states on a terminal."""

from localjobs.states import LifeCycle, Result

_STYLES = {
    Result.SUCCESS: "green",
    Result.SUCCESS_WITH_FAILURES: "yellow",
    Result.FAILED: "bold red",
    Result.TIMEDOUT: "bold red",
    Result.CANCELED: "magenta",
    LifeCycle.RUNNING: "cyan",
    LifeCycle.WAITING_FOR_RETRY: "yellow",
}


def style_state(state: LifeCycle, result: Result | None) -> str:
    """The rich style of a state."""
    return _STYLES.get(result or state, "dim")
