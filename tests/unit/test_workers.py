"""What workers that run tests beside one another have for themselves, and what was decided for all."""

from types import SimpleNamespace
from typing import Any, cast

import pytest

from tests.support.workers import Worker


def _worker(**told: Any) -> Worker:
    return Worker.of(cast("pytest.Config", SimpleNamespace(workerinput=told)))


def test_workers_share_out_numbers_and_have_none_in_common() -> None:
    numbers = range(20_000, 20_007)
    shares = [_worker(workerid=f"gw{each}", workercount=3).share_of(numbers) for each in range(3)]
    assert sorted(number for share in shares for number in share) == list(numbers)


def test_a_worker_in_the_place_of_one_that_died_takes_its_share() -> None:
    first, second = (_worker(workerid=each, workercount=2) for each in ("gw0", "gw2"))
    assert first.share_of(range(10)) == second.share_of(range(10))


def test_who_runs_alone_has_all_and_was_told_nothing() -> None:
    alone = Worker.of(cast("pytest.Config", SimpleNamespace()))
    assert alone.share_of(range(10)) == range(10)
    assert Worker.OBSTACLE not in alone.told


def test_what_was_decided_for_all_arrives() -> None:
    told = {"workerid": "gw1", "workercount": 2, Worker.OBSTACLE: "no engine"}
    assert _worker(**told).told[Worker.OBSTACLE] == "no engine"
