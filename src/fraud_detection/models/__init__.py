"""Splits, training, search, calibration, measures, the gate and the registry."""
