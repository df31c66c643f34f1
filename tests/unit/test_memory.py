"""Memory that is given back: seen from outside, in a process of its own."""

import asyncio
import json
import secrets
import subprocess
import sys
import threading
import time
import urllib.parse
from collections.abc import Callable
from typing import Annotated

import pytest
import yarl
from common import memory
from fastapi import Body
from intake.anonymiser import linking
from intake.api.previews import WordsToHide
from intake.api.submissions import Contact
from pydantic import TypeAdapter
from pydantic_core import from_json

_BY_ROUTE: TypeAdapter[WordsToHide] = TypeAdapter(Annotated[WordsToHide, Body()])  # as FastAPI makes it
_READERS: dict[str, Callable[[str], str | None]] = {
    "a text of JSON": lambda told: str(from_json(json.dumps(told))),
    "a model": lambda told: Contact.model_validate_json(json.dumps({"mail": told})).mail,
    "a model that a route reads": lambda told: _BY_ROUTE.validate_python({"address": f" {told}"}).address,
}

_USE_AND_SETTLE = """
import gc
from common import memory

def resident_mb():
    told = open("/proc/self/status").read()
    return int(told.partition("VmRSS:")[2].split()[0]) / 1000

memory.bound_arenas()
used = [bytes(700) for _ in range(120_000)]
last = used[-1]  # so that the heap cannot simply shrink from its end
used_mb = resident_mb()
del used
memory.settle()
print(used_mb - resident_mb(), gc.get_freeze_count())
"""


def test_what_the_start_used_is_given_back_and_the_rest_is_looked_at_no_more() -> None:
    told = subprocess.run([sys.executable, "-c", _USE_AND_SETTLE], check=True, capture_output=True, text=True)
    given_back_mb, frozen = map(float, told.stdout.split())
    assert given_back_mb > 50
    assert frozen > 1000


@pytest.mark.parametrize("reader", _READERS)
def test_no_short_text_is_kept_once_it_was_read(reader: str) -> None:
    read = _READERS[reader]
    told = [f"melder{secrets.token_hex(6)}@voorbeeld.example" for _ in range(1_000)]
    kept = [read(each) for each in told]
    assert any(read(each) is known for each, known in zip(told, kept, strict=True)), "nothing to forget"
    for _ in range(2):
        asyncio.run(memory.forget())
    left = sum(read(each) is known for each, known in zip(told, kept, strict=True))
    assert left <= 1, left  # each is missed by both rounds once in 200,000 times


def test_what_threads_of_their_own_left_is_overwritten_in_each(monkeypatch: pytest.MonkeyPatch) -> None:
    overwritten: set[str] = set()

    def overwrite() -> None:
        overwritten.add(threading.current_thread().name)
        time.sleep(0.05)  # so that the next one finds another thread

    monkeypatch.setattr(memory, "_overwrite_in_thread", overwrite)
    with memory.Threads(2, "own"), memory.Threads(1, "ended") as ended:
        ended.shutdown()
        asyncio.run(memory.forget())
    assert {"own_0", "own_1"} <= overwritten
    assert "ended_0" not in overwritten


def test_no_name_is_kept_once_it_was_compared() -> None:
    kept = [each for each, thing in vars(linking).items() if hasattr(thing, "cache_info")]
    assert kept == []


def test_no_address_is_kept_once_it_was_taken_apart() -> None:
    address = f"http://127.0.0.1/veldstad/{secrets.token_hex(6)}?x=1"
    urllib.parse.urlsplit(address)
    yarl.URL(address)
    yarl.URL(address, encoded=True)
    asyncio.run(memory.forget())
    for name in memory._REMEMBERING:
        caches = [each for each in vars(sys.modules[name]).values() if hasattr(each, "cache_info")]
        assert caches, name
        assert [each.cache_info().currsize for each in caches] == [0] * len(caches), name
