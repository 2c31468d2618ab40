"""How much is made by chance: FUZZ_EXAMPLES says so, and without it every run makes the same."""

import os

from hypothesis import HealthCheck, settings

EXAMPLES = int(os.environ.get("FUZZ_EXAMPLES", "200"))


def fuzz(*passed_over: HealthCheck) -> settings:
    """The settings of a test; some of hypothesis' health checks may be passed over."""
    return settings(
        max_examples=EXAMPLES,
        deadline=None,
        derandomize="FUZZ_EXAMPLES" not in os.environ,
        suppress_health_check=passed_over,
    )
