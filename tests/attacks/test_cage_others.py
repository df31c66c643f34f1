"""From inside the program that reads what strangers sent: nobody else is seen, timed or disturbed."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from common.apart.starting import Bounds, Program

from tests.support.apart import tried
from tests.support.attempts import Attempts

_ONLOOKER = str(Path(__file__).parents[1] / "support" / "onlooker.py")
_BOUNDS = Bounds(1024, 60)
#: Harmless, and seen by anybody on a usual machine where there are no walls.
_USUAL = (
    *(
        "where it may compute",
        "its processor time",
        "its processor time in user mode",
        "how fine its clock is",
    ),
    *("wait by its clock", "its policy", "its group", "its session", "signal it", "its rights", "its limits"),
    *("a lock that it holds, tried", "a lock that it holds, of our own", "a lock that it holds, waited for"),
    *("rouse who waits in the same library", "interrupt every processor", "share pages that are alike"),
)


@pytest.fixture
def others() -> Iterator[list[int]]:
    """The parent, a child of it (as is the program that reads another's file), and the machine's first."""
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as child:
        yield [os.getpid(), child.pid, 1]
        child.communicate(b"\n")


async def _seen(others: list[int], how: str, only: tuple[str, ...] = ()) -> dict[str, bool]:
    program = Program((_ONLOOKER,), _BOUNDS, needs_walls=how == "walls")
    seen = await tried(program, how, *map(json.dumps, (others, only)))
    assert only or len(seen) > 50
    return seen


async def test_no_other_process_is_seen_timed_or_disturbed(attempts: Attempts, others: list[int]) -> None:
    for way, succeeded in (await _seen(others, "walls")).items():
        attempts.record(way, succeeded=succeeded)


async def test_without_walls_others_are_seen(others: list[int]) -> None:
    unseen = {way for way, is_seen in (await _seen(others, "neither", _USUAL)).items() if not is_seen}
    assert not unseen  # a try that always fails proves nothing
