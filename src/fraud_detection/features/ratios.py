"""Exact sums become shares and means here: one division of whole numbers, so every engine gets the same bits."""

from typing import Final

import numpy as np

from fraud_detection.features.spans import Floats, Ints

CENTS: Final = 100


def divide(numerator: Ints, denominator: Ints | Floats, default: float = 0.0) -> Floats:
    """Divide; `default` where the denominator is 0."""
    quotient = np.full(numerator.shape, default)
    np.divide(numerator, denominator, out=quotient, where=denominator != 0)
    return quotient


def mean_amount(cents: Ints, count: Ints) -> Floats:
    """Mean in major units from a sum in cents; 0 where nothing was counted."""
    return divide(cents, count * CENTS)


def major_units(cents: Ints) -> Floats:
    """Amounts in major units. NumPy divides; Polars would multiply by 1 / 100, which differs in the last bit."""
    return np.asarray(cents / CENTS)
