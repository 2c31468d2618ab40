"""What a bundle says about its costs: the table [tool.runcosts] of its pyproject.toml."""

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path

from runcosts.errors import SettingsError
from runcosts.prices import Prices, Terms

PLACEHOLDER = re.compile(r"\{(\w+)\}")
SEGMENT = re.compile(r"[\w.-]*\w[\w.-]*")


@dataclass(frozen=True)
class Settings:
    """Where the ledger and the MLflow runs are, and where compute is bought.

    `ledger` is a folder below the bundle's root, where {name} stands for a job parameter.
    """

    ledger: str | None = None
    tracking_uri: str | None = None
    cloud: str = "aws"
    region: str = "us-east-1"
    tier: str = "premium"
    currency: str = "USD"

    @property
    def terms(self) -> Terms:
        """How the jobs' compute is bought."""
        return Terms(cloud=self.cloud, region=self.region, tier=self.tier, sku="jobs_compute")


def load_settings(bundle_root: Path) -> Settings:
    """Read [tool.runcosts]; without it every setting has its default, and there is no ledger.

    Raises:
        SettingsError: an unknown key, or a value that isn't text.
    """
    file = bundle_root / "pyproject.toml"
    content = tomllib.loads(file.read_text(encoding="utf-8")) if file.exists() else {}
    table: dict[str, str] = content.get("tool", {}).get("runcosts", {})
    known = [field.name for field in fields(Settings)]
    for key, value in table.items():
        if key not in known:
            raise SettingsError(f"{file}: [tool.runcosts] has {key!r}; expected one of {', '.join(known)}")
        if not isinstance(value, str) or not value:
            raise SettingsError(f"{file}: [tool.runcosts] {key} = {value!r}; expected text")
    return Settings(**table)


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
