"""Splits, training, search, calibration, measures, the gate and the registry."""

import os

# OpenMP's threads spin while they wait, by default. On cores that others use too, that made training 20 times slower.
# libgomp reads this when it is loaded, so it stands before the first import of XGBoost or scikit-learn.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
