"""An import tells how far it is: a bar on a terminal, a line now and then elsewhere."""

import io
import itertools
import os
import pty
import select
import termios
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Self

import pytest
from gateway.importing.progress import Progress
from gateway.importing.rows import Row, read_rows

_WIDTH = 60
_END = "\x03"


def rows(count: int) -> Iterator[Row]:
    return (Row(number, {}, share=number / count) for number in range(1, count + 1))


def a_second_each_time() -> Callable[[], float]:
    seconds = itertools.count()
    return lambda: float(next(seconds))


@pytest.mark.parametrize(
    ("content", "shares"),
    [
        ("signalType\naa\nbb\n", [14 / 17, 1]),
        ('signalType\n"a\n\na"\nbb\n', [18 / 21, 1]),
        ('{"a": 1}\n{"a": 2}\n', [0.5, 1]),
        ('[{"a": 1},\n{"a": 2}, {"b": 3}, 4]', [0.25, 0.5, 0.75, 1]),
    ],
)
@pytest.mark.parametrize("encoding", ["ascii", "utf-8-sig", "utf-16"])
def test_each_row_knows_what_share_of_the_file_is_read(
    tmp_path: Path, content: str, shares: list[float], encoding: str
) -> None:
    file = tmp_path / "meldingen"
    file.write_text(content, encoding=encoding)
    found = [each.share for each in read_rows(file, encoding=None, names={}, several=frozenset())]
    assert found == pytest.approx(shares, abs=0.08)  # a byte order mark counts too
    assert found[-1] == 1


def test_a_line_is_told_now_and_then_where_there_is_no_terminal() -> None:
    out, refused = io.StringIO(), Counter[str]()
    for row in Progress(out, clock=a_second_each_time()).over(rows(100), refused.total):
        refused["refused"] = row.number // 10
    assert out.getvalue().splitlines() == [
        "29 %  row 30, 2 refused",
        "59 %  row 60, 5 refused",
        "89 %  row 90, 8 refused",
    ]


def test_a_short_import_without_a_terminal_says_nothing() -> None:
    out = io.StringIO()
    progress = Progress(out)
    assert len(list(progress.over(rows(100), lambda: 0))) == 100
    progress.end()
    assert out.getvalue() == ""


def test_a_terminal_shows_a_bar_on_one_line_and_is_left_clean() -> None:
    with _Terminal(_WIDTH) as terminal:
        progress = Progress(terminal.out, clock=a_second_each_time())
        assert len(list(progress.over(rows(4), lambda: 2))) == 4
        progress.end()
        shown = terminal.shown()
    assert shown[0] == "[" + "." * 33 + "]   0 %  row 1, 2 refused"
    assert shown[2] == "[" + "#" * 16 + "." * 17 + "]  50 %  row 3, 2 refused"
    assert len(shown) == 5
    assert shown[-1] == ""
    assert all(len(each) < _WIDTH for each in shown)


def test_a_terminal_is_not_drawn_more_often_than_an_eye_sees() -> None:
    with _Terminal(_WIDTH) as terminal:
        assert len(list(Progress(terminal.out, clock=lambda: 0.0).over(rows(1000), lambda: 0))) == 1000
        assert len(terminal.shown()) == 1


def test_a_narrow_terminal_gets_what_fits() -> None:
    with _Terminal(12) as terminal:
        list(Progress(terminal.out).over(rows(1), lambda: 0))
        assert terminal.shown() == ["  0 %  row "]


def test_why_it_waits_stands_on_a_line_of_its_own() -> None:
    with _Terminal(_WIDTH) as terminal:
        progress = Progress(terminal.out)
        for _ in progress.over(rows(1), lambda: 0):
            progress.say("the door is busy")
        assert terminal.shown()[-1].strip() == "row 1: the door is busy"


class _Terminal:
    """A terminal of so many columns; what is drawn on it is told line by line."""

    def __init__(self, columns: int) -> None:
        self._reader, self._writer = pty.openpty()
        termios.tcsetwinsize(self._writer, (24, columns))
        self.out = os.fdopen(self._writer, "w", encoding="utf-8")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.out.close()
        os.close(self._reader)

    def shown(self) -> list[str]:
        """Everything that stood on the line, one after the other; call it once.

        What was written reaches a terminal's other side piece by piece, so a mark is written behind it and
        all is read up to that.
        """
        self.out.write(_END)
        self.out.flush()
        drawn = b""
        while not drawn.endswith(_END.encode()):
            assert select.select([self._reader], [], [], 20)[0], "the terminal fell silent"
            drawn += os.read(self._reader, 65536)
        return drawn.decode().removesuffix(_END).split("\r\x1b[K")[1:]
