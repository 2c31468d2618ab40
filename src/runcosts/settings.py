"""What a bundle says about its costs: the table [tool.runcosts] of its pyproject.toml."""

import re
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from decimal import Decimal
from pathlib import Path
from typing import Any

from runcosts.errors import SettingsError
from runcosts.prices import Prices, Terms

PLACEHOLDER = re.compile(r"\{(\w+)\}")
INFINITY = Decimal("Infinity")
TABLE = "[tool.runcosts]"
ACTIONS = ("fail", "warn")
HOURS = re.compile(r"([01]\d|2[0-3]):([0-5]\d)-([01]\d|2[0-3]):([0-5]\d)")
SEGMENT = re.compile(r"[\w.-]*\w[\w.-]*")


@dataclass(frozen=True)
class Budget:
    """What a job may cost, in the currency of the settings: a run, and all runs of a calendar month."""

    run: Decimal | None = None
    month: Decimal | None = None
    action: str = "fail"


@dataclass(frozen=True)
class Settings:
    """Where the ledger and the MLflow runs are, where compute is bought, and what is assumed where nothing is known.

    Attributes:
        ledger: a folder below the bundle's root, where {name} stands for a job parameter.
        prices: a price file below the bundle's root; without it that of the package.
        resolve: the command that prints the resolved bundle as JSON; `-t TARGET` is put at its end.
        serverless_dbu_per_hour: what serverless compute is assumed to take.
        assumed_minutes: how long tasks without past runs are assumed to take, by `job.task`.
        budgets: limits by job.
        node_limit: how many nodes the account may have at once (the cloud's quota); pools bring their own limits.
        off_peak: hours (UTC) in which compute is cheap or free, as 22:00-06:00.
        marks: a file of dated remarks for the pictures, or "git" for the tags of the repository.
    """

    ledger: str | None = None
    tracking_uri: str | None = None
    cloud: str = "aws"
    region: str = "us-east-1"
    tier: str = "premium"
    currency: str = "USD"
    prices: str | None = None
    resolve: str = "localjobs resolve -o json"
    serverless_dbu_per_hour: Decimal | None = None
    assumed_minutes: Mapping[str, Decimal] = field(default_factory=dict)
    budgets: Mapping[str, Budget] = field(default_factory=dict)
    node_limit: Decimal | None = None
    off_peak: str = "22:00-06:00"
    marks: str | None = None

    @property
    def terms(self) -> Terms:
        """How the jobs' compute is bought."""
        return Terms(cloud=self.cloud, region=self.region, tier=self.tier, sku="jobs_compute")


def load_settings(bundle_root: Path, target: str | None = None) -> Settings:
    """Read [tool.runcosts], and [tool.runcosts.targets.TARGET] over it; what neither says has its default.

    Raises:
        SettingsError: an unknown key, or a value that makes no sense.
    """
    file = bundle_root / "pyproject.toml"
    text = file.read_text(encoding="utf-8") if file.exists() else ""
    table: dict[str, Any] = tomllib.loads(text, parse_float=Decimal).get("tool", {}).get("runcosts", {})
    of_targets = _table(table.pop("targets", {}), f"{file}: {TABLE} targets")
    _refuse_unknown(table, Settings, f"{file}: {TABLE}")
    for name, of_target in of_targets.items():
        where = f"{file}: {TABLE} targets.{name}"
        _refuse_unknown(_table(of_target, where), Settings, where)
    table |= of_targets.get(target or "", {})
    read: dict[str, Callable[[Any, str], Any]] = {
        "serverless_dbu_per_hour": _amount,
        "assumed_minutes": _amounts,
        "budgets": _budgets,
        "node_limit": _amount,
        "off_peak": _hours,
    }
    values: dict[str, Any] = {
        key: (read.get(key) or _text)(value, f"{file}: {TABLE} {key}") for key, value in table.items()
    }
    return Settings(**values)


def _refuse_unknown(table: Mapping[str, Any], kind: type, where: str) -> None:
    known = [field.name for field in fields(kind)]
    for key in table:
        if key not in known:
            raise SettingsError(f"{where} has {key!r}; expected one of {', '.join(known)}")


def _text(value: Any, where: str) -> str:
    if not isinstance(value, str) or not value:
        raise SettingsError(f"{where} = {value!r}; expected text")
    return value


def _hours(value: Any, where: str) -> str:
    if not isinstance(value, str) or not HOURS.fullmatch(value):
        raise SettingsError(f"{where} = {value!r}; expected hours such as 22:00-06:00")
    return value


def _amount(value: Any, where: str) -> Decimal:
    if isinstance(value, bool) or not isinstance(value, int | Decimal) or not 0 < value < INFINITY:
        raise SettingsError(f"{where} = {value!r}; expected a number above 0")
    return Decimal(value)


def _amounts(table: Any, where: str) -> dict[str, Decimal]:
    return {key: _amount(value, f"{where}.{key}") for key, value in _table(table, where).items()}


def _budgets(table: Any, where: str) -> dict[str, Budget]:
    tables = _table(table, where).items()
    return {key: _budget(_table(value, f"{where}.{key}"), f"{where}.{key}") for key, value in tables}


def _budget(table: Mapping[str, Any], where: str) -> Budget:
    _refuse_unknown(table, Budget, where)
    action = table.get("action", "fail")
    if action not in ACTIONS:
        raise SettingsError(f"{where}.action = {action!r}; expected one of {', '.join(ACTIONS)}")
    limits = {key: _amount(table[key], f"{where}.{key}") for key in ("run", "month") if key in table}
    return Budget(**limits, action=action)


def _table(value: Any, where: str) -> Mapping[str, Any]:
    if not isinstance(value, dict):
        raise SettingsError(f"{where} = {value!r}; expected a table")
    return value


def check_settings(settings: Settings, prices: Prices) -> None:
    """Refuse settings that no estimate can follow.

    Raises:
        SettingsError: another currency than the prices'.
        NoPriceError: a cloud, region or tier without a rate.
    """
    if settings.currency != prices.currency:
        raise SettingsError(
            f"[tool.runcosts] currency = {settings.currency!r}, but the price file is in {prices.currency}: "
            "set that, or convert the price file"
        )
    prices.rate(settings.terms)


def ledger_folder(bundle_root: Path, pattern: str, parameters: Mapping[str, str]) -> Path:
    """The ledger's folder for a run with these job parameters.

    Raises:
        SettingsError: a parameter is missing or isn't a plain name, or the folder lies outside the bundle.
    """
    folder = PLACEHOLDER.sub(lambda found: _segment(found[1], pattern, parameters), pattern)
    root = bundle_root.resolve()
    path = (root / folder).resolve()
    if not path.is_relative_to(root) or path == root:
        raise SettingsError(f"[tool.runcosts] ledger = {pattern!r} gives {path}; expected a folder below {root}")
    return path


def _segment(name: str, pattern: str, parameters: Mapping[str, str]) -> str:
    value = parameters.get(name)
    if value is None:
        known = ", ".join(sorted(parameters)) or "none"
        raise SettingsError(f"[tool.runcosts] ledger = {pattern!r} needs the job parameter {name}; the job has {known}")
    if not SEGMENT.fullmatch(value):
        raise SettingsError(f"[tool.runcosts] ledger: job parameter {name} is {value!r}; expected a plain folder name")
    return value
