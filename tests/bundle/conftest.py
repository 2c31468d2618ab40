"""The bundle, resolved for each target as the CLI would and as if deployed by one developer."""

import json
from functools import cache
from pathlib import Path

import pytest

from localjobs.bundle.identity import Identity
from localjobs.bundle.resolve import Request, deploy, resolve

ROOT = Path(__file__).parents[2]
DEVELOPER = Identity("tester@databricks.com")
DEVELOPMENT = ["local", "dev", "dev-azure"]
PRODUCTION = ["staging", "prod", "staging-azure", "prod-azure", "prod-serverless"]
SERVERLESS = ["prod-serverless"]
TARGETS = [*DEVELOPMENT, *PRODUCTION]


def pytest_addoption(parser):
    parser.addoption("--renew", action="store_true", help="write tests/bundle/golden anew instead of comparing with it")


@pytest.fixture(params=TARGETS)
def target(request):
    """Each target in turn; the next ones, each of a kind."""
    return request.param


@pytest.fixture(params=DEVELOPMENT)
def development(request):
    return request.param


@pytest.fixture(params=PRODUCTION)
def production(request):
    return request.param


@pytest.fixture(params=[name for name in TARGETS if name not in SERVERLESS])
def with_clusters(request):
    return request.param


@pytest.fixture(params=SERVERLESS)
def serverless(request):
    return request.param


@cache
def _trees(target):
    request = Request(ROOT, target, environment={}, user=DEVELOPER)
    return tuple(json.loads(json.dumps(bundle.tree)) for bundle in (resolve(request), deploy(request)))


@pytest.fixture(scope="session")
def root():
    return ROOT


@pytest.fixture(scope="session")
def resolved():
    """The tree of a target with its `${resources.…}` unresolved, as `databricks bundle validate` prints it."""
    return lambda target: _trees(target)[0]


@pytest.fixture(scope="session")
def deployed():
    """The tree of a target with nothing left to resolve."""
    return lambda target: _trees(target)[1]


@pytest.fixture(scope="session")
def jobs(resolved):
    """The jobs of a target by key."""

    def found(target):
        jobs = resolved(target)["resources"]["jobs"]
        assert jobs
        return jobs

    return found
