"""The fingerprint of how features are defined: a table that was made by another definition is made anew."""

import hashlib
import inspect
import sys
from collections.abc import Sequence
from types import ModuleType

from fraud_detection.features import contract, point_in_time, ratios, rows, spans
from fraud_detection.features.feature import FeatureGroup
from fraud_detection.features.registry import GROUPS
from fraud_detection.features.settings import FeatureSettings

KERNELS: tuple[ModuleType, ...] = (contract, point_in_time, ratios, rows, spans)


def fingerprint(settings: FeatureSettings, groups: Sequence[FeatureGroup] = GROUPS) -> str:
    """Hash what decides a value: what the groups state, the code that computes them, and the label delay.

    A changed comment makes another fingerprint too: a table made anew once too often is the safe side.
    """
    modules = dict.fromkeys([sys.modules[group.compute.__module__] for group in groups] + list(KERNELS))
    stated = [f"{group.name} {group.entity} {group.features} {group.needs} {group.inner_days}" for group in groups]
    code = [inspect.getsource(module) for module in modules]
    text = "\n".join([f"label_delay_days={settings.label_delay_days}", *stated, *code])
    return hashlib.sha256(text.encode()).hexdigest()[:16]
