"""`dbutils.widgets`: the parameters of a notebook."""

from collections.abc import Mapping
from typing import Any


class Widgets:
    """Values come from the task's parameters, else from the default with which the notebook makes the widget."""

    def __init__(self, parameters: Mapping[str, str]) -> None:
        """Begin with what the task was given."""
        self._given = dict(parameters)
        self._defaults: dict[str, str] = {}

    def text(self, name: str, defaultValue: str, label: str = "") -> None:  # noqa: ARG002, N803 - the platform's names
        """Make a widget."""
        self._defaults[name] = str(defaultValue)

    def dropdown(self, name: str, defaultValue: str, choices: Any, label: str = "") -> None:  # noqa: ARG002, N803
        """Make a widget; its choices restrict a person, not a job."""
        self._defaults[name] = str(defaultValue)

    combobox = multiselect = dropdown

    def get(self, name: str) -> str:
        """The value of a widget."""
        values = self.getAll()
        if name not in values:
            known = ", ".join(sorted(values)) or "none"
            raise ValueError(f"InputWidgetNotDefined: no input widget named {name} is defined; defined are: {known}")
        return values[name]

    def getAll(self) -> dict[str, str]:  # noqa: N802 - the platform's name
        """All values by name."""
        return {**self._defaults, **self._given}

    def remove(self, name: str) -> None:
        """Take a widget away; what the task was given stays."""
        self._defaults.pop(name, None)

    def removeAll(self) -> None:  # noqa: N802 - the platform's name
        """Take all widgets away."""
        self._defaults.clear()
