"""Long texts take turns: no network has all places, and whoever waits too long is told so."""

import asyncio
from contextlib import suppress

import pytest
from common.rooms import Account
from intake.hiding import Hiding, TooManyLong

HEAVY = {"/description": "".join(f"Jan {chr(97 + at % 26)}{at}, Piet en Els. " for at in range(350))}
LONG = {"/description": "Bij de loods staat vaak een busje. " * 60}
SHORT = {"/description": "Bij de loods staat vaak een busje."}
HERE, THERE = Account("veldstad", ("n1",)), Account("duinrade", ("n1",))


def begin(hiding: Hiding, account: Account) -> "asyncio.Task[object]":
    return asyncio.create_task(hiding.looked(account, HEAVY, ["busje"]))


async def test_a_network_leaves_a_place_whatever_municipalities_it_names() -> None:
    hiding = Hiding()
    heavy = [begin(hiding, each) for each in (HERE, THERE, HERE, THERE)]
    await asyncio.sleep(0)
    for account in (Account("duinrade", ("n2",)), Account("duinrade", ("a person",), is_known=True)):
        found = await hiding.hidden_in(account, LONG)
        assert found["/description"].text == LONG["/description"]
        assert sum(each.done() for each in heavy) < 3
    await asyncio.gather(*heavy)


async def test_who_waits_too_long_is_told_so_and_a_short_text_waits_for_nothing() -> None:
    hiding = Hiding(patience_seconds=0.01)
    heavy = [begin(hiding, HERE), begin(hiding, THERE)]
    with pytest.raises(TooManyLong) as told:
        await heavy[1]
    assert (told.value.status, told.value.code) == (503, "long-texts-unavailable")
    assert int(told.value.headers["Retry-After"]) > 0
    assert (await hiding.hidden_in(THERE, SHORT))["/description"].text == SHORT["/description"]
    assert not heavy[0].done()
    await heavy[0]


async def test_who_hangs_up_keeps_the_place_as_long_as_their_text_is_read() -> None:
    hiding = Hiding(patience_seconds=0.01)
    gone = begin(hiding, HERE)
    await asyncio.sleep(0.005)
    gone.cancel()
    with pytest.raises(TooManyLong):
        await begin(hiding, THERE)
    with suppress(asyncio.CancelledError):
        await gone
    await hiding.hidden_in(THERE, LONG)


async def test_many_marks_make_a_text_long() -> None:
    hiding = Hiding(patience_seconds=0.01)
    heavy = begin(hiding, HERE)
    await asyncio.sleep(0)
    with pytest.raises(TooManyLong):
        await hiding.hidden_in(THERE, SHORT, ["x" * 200] * 8)
    await heavy
