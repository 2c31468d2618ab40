"""Requests that wait are computed together, and each gets its own answers."""

import asyncio

import pytest

from fraud_detection.features.online import Incoming
from fraud_detection.scoring.online.batching import Batcher
from fraud_detection.scoring.online.problems import Problem


def make(name, time=0):
    return Incoming(name, time, "c", "m", 1)


def run(requests, most=16, compute=None):
    """What is computed together, and what each request gets."""
    batches = []

    async def note(transactions):
        batches.append([one.transaction_id for one in transactions])
        if compute:
            compute(batches[-1])
        return [one.transaction_id.encode() for one in transactions]

    async def answer():
        batcher = Batcher(note, most)
        asked = [asyncio.create_task(batcher.submit(request)) for request in requests]
        working = asyncio.create_task(batcher.run())
        answers = await asyncio.wait_for(asyncio.gather(*asked, return_exceptions=True), 5)
        working.cancel()
        return answers

    return asyncio.run(answer()), batches


def test_what_waits_goes_together_up_to_the_limit():
    answers, batches = run([[make("a")], [make("b"), make("c")], [make("d")], [make("e")]], most=4)

    assert batches == [["a", "b", "c", "d"], ["e"]]
    assert answers == [[b"a"], [b"b", b"c"], [b"d"], [b"e"]]


def test_many_of_a_request_go_in_parts_by_time_between_those_of_others_and_come_back_in_order():
    many = [make("3", 3), make("1", 1), make("4", 4), make("2", 2)]

    answers, batches = run([many, [make("x")]], most=2)

    assert batches == [["1", "2"], ["x"], ["3", "4"]]
    assert answers == [[b"3", b"1", b"4", b"2"], [b"x"]]


def test_a_transaction_that_two_requests_send_at_once_is_computed_in_turn():
    answers, batches = run([[make("a")], [make("a")], [make("b")]])

    assert batches == [["a"], ["a", "b"]]
    assert answers == [[b"a"], [b"a"], [b"b"]]


def test_an_error_is_that_of_the_request_that_it_is_about():
    def compute(batch):
        if "poison" in batch:
            raise ValueError("poison")

    answers, _ = run([[make("a")], [make("poison")], [make("b")]], compute=compute)

    assert (answers[0], answers[2]) == ([b"a"], [b"b"])
    assert isinstance(answers[1], ValueError)


def test_a_problem_is_everybodys_and_is_met_once():
    def compute(_batch):
        raise Problem("store_down", "it is")

    answers, batches = run([[make("a")], [make("b")]], compute=compute)

    assert [answer.code for answer in answers] == ["store_down"] * 2
    assert batches == [["a", "b"]]


@pytest.mark.parametrize("most", [1, 2])
def test_who_went_away_hinders_nobody(most):
    async def scenario():
        async def compute(transactions):
            await asyncio.sleep(0.01)
            return [one.transaction_id.encode() for one in transactions]

        batcher = Batcher(compute, most)
        working = asyncio.create_task(batcher.run())
        gone = asyncio.create_task(batcher.submit([make("a")]))
        await asyncio.sleep(0.001)
        gone.cancel()
        answer = await asyncio.wait_for(batcher.submit([make("b")]), 5)
        working.cancel()
        return answer

    assert asyncio.run(scenario()) == [b"b"]


def test_with_several_lanes_nothing_that_was_left_over_is_lost():
    async def scenario():
        async def compute(transactions):
            await asyncio.sleep(0.002)
            return [one.transaction_id.encode() for one in transactions]

        batcher = Batcher(compute, 2)
        lanes = [asyncio.create_task(batcher.run()) for _ in range(3)]
        await asyncio.sleep(0)
        asked = []
        for number in range(60):
            asked.append(
                asyncio.create_task(batcher.submit([make(f"{number}-{place}") for place in range(1 + number % 2)]))
            )
            if number % 4 == 0:
                await asyncio.sleep(0.001)
        answers = await asyncio.wait_for(asyncio.gather(*asked), 5)
        for lane in lanes:
            lane.cancel()
        return answers

    assert [len(answer) for answer in asyncio.run(scenario())] == [1, 2] * 30
