"""How an answer goes to the kernel: a short one in one piece, a long one at once, and all of it in order."""

import asyncio
from collections.abc import Sequence
from typing import cast

from common.connections.writing import Writing

_LONG = b"x" * 20_000


class Kernel:
    """A transport that notes what it is handed."""

    def __init__(self) -> None:
        self.handed: list[bytes] = []
        self.is_closed = False

    def write(self, data: bytes) -> None:
        """One piece."""
        assert not self.is_closed
        self.handed.append(data)

    def writelines(self, data: Sequence[bytes]) -> None:
        """Pieces that go together."""
        self.write(b"".join(data))

    def close(self) -> None:
        """End."""
        self.is_closed = True

    def is_closing(self) -> bool:
        """Whether it ended."""
        return self.is_closed


def _both() -> tuple[Writing, Kernel]:
    kernel = Kernel()
    return Writing(cast("asyncio.Transport", kernel)), kernel


async def test_a_head_and_its_body_go_as_one() -> None:
    writing, kernel = _both()
    writing.write(b"head ")
    writing.write(b"body")
    assert kernel.handed == [b"head body"]


async def test_a_head_waits_for_its_body_no_longer_than_a_turn_of_the_loop() -> None:
    writing, kernel = _both()
    writing.write(b"head ")
    assert kernel.handed == []
    await asyncio.sleep(0)
    assert kernel.handed == [b"head "]
    writing.write(_LONG)
    assert kernel.handed == [b"head ", _LONG]


async def test_what_is_written_without_a_pause_keeps_its_order_and_is_not_heaped_up() -> None:
    writing, kernel = _both()
    pieces = [b"a", _LONG, b"b", b"c", b"d", b"", b"e"]
    for each in pieces:
        writing.write(each)
    assert b"".join(kernel.handed) == b"".join(pieces[:-1])
    await asyncio.sleep(0)
    assert b"".join(kernel.handed) == b"".join(pieces)


async def test_who_closes_sends_first_what_is_held() -> None:
    writing, kernel = _both()
    writing.write(b"the last word")
    writing.close()
    assert kernel.handed == [b"the last word"]
    assert writing.is_closing()


async def test_nothing_is_sent_after_a_connection_was_cut() -> None:
    writing, kernel = _both()
    writing.write(b"head ")
    kernel.close()
    await asyncio.sleep(0)
    assert kernel.handed == []
