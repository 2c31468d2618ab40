"""Training, judging and registering of models."""

import os

# OpenMP's threads must sleep at barriers, not spin: on cores that others use too, spinning makes a fit of one second
# take a minute. It reads this when it loads, with scikit-learn or XGBoost, whichever comes first; a program that
# imports either before this package sets it in its environment.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
