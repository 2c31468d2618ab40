"""Builders of made histories."""

from decimal import Decimal

import pytest

from runcosts.rightsize.usage import Moment, Usage


@pytest.fixture
def make_usage():
    """Usage of a run of minutes: (busy cores, GB of the driver, GB of the fullest worker, workers) each."""

    def make(*minutes, **changes):
        moments = tuple(
            Moment(Decimal(60), Decimal(str(busy)), Decimal(str(driver)), Decimal(str(worker)), workers)
            for busy, driver, worker, workers in minutes
        )
        return Usage(runs=1, source="made", moments=moments, **changes)

    return make


@pytest.fixture
def alone(make_shape):
    """A single node, its driver on demand."""
    return lambda node: make_shape(0, node, on_demand_nodes=1)
