"""Training, judging and registering of models."""

import os

# Before OpenMP loads: its threads must sleep at barriers, not spin. On cores that others use too, spinning makes a fit
# of one second take a minute.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
