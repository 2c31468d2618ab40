"""However often /readyz is asked, the store is not."""

import asyncio
import contextlib
from types import SimpleNamespace

import pytest

from fraud_detection.errors import StoreError
from fraud_detection.scoring.online.readiness import Readiness


@pytest.fixture
def asked():
    """A store whose answer a test chooses, with a clock, and how often it was asked."""
    state = SimpleNamespace(times=0, refusal=None, now=0.0)

    async def check():
        state.times += 1
        await asyncio.sleep(0)
        if state.refusal:
            raise StoreError(state.refusal)

    state.readiness = Readiness(SimpleNamespace(check=check), lambda: state.now)
    return state


def test_many_at_once_and_soon_after_each_other_are_one_question(asked):
    async def many():
        await asyncio.gather(*(asked.readiness.check() for _ in range(50)))
        asked.now = 0.9
        await asked.readiness.check()

    asyncio.run(many())
    assert asked.times == 1


def test_a_refusal_is_kept_as_long_and_then_the_store_is_asked_again(asked):
    async def refused_then_good():
        asked.refusal = "it is down"
        for _ in range(3):
            with pytest.raises(StoreError, match="it is down"):
                await asked.readiness.check()
        asked.refusal, asked.now = None, 1.0
        await asked.readiness.check()

    asyncio.run(refused_then_good())
    assert asked.times == 2


def test_a_failure_that_is_no_answer_is_not_kept(asked):
    async def broken_then_good():
        asked.readiness = Readiness(SimpleNamespace(check=None), lambda: asked.now)
        with contextlib.suppress(TypeError):
            await asked.readiness.check()
        with pytest.raises(TypeError):
            await asked.readiness.check()

    asyncio.run(broken_then_good())
