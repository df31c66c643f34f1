"""How far an import is: a bar on a terminal, and elsewhere a line now and then."""

import os
import time
from collections.abc import Callable, Iterator
from typing import TextIO

from gateway.importing.rows import Row

_REDRAWN_AFTER_SECONDS = 0.1
_TOLD_AFTER_SECONDS = 30.0
_WIDEST = 40
_COLUMNS = 80  # where a terminal does not tell how wide it is


class Progress:
    """What share of the file is done, at which row, and how many were refused; never a word of a report."""

    def __init__(self, out: TextIO, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._out, self._clock, self._is_terminal = out, clock, out.isatty()
        self._number, self._share = 0, 0.0
        self._shown_at = float("-inf") if self._is_terminal else clock()

    def over(self, rows: Iterator[Row], refused: Callable[[], int]) -> Iterator[Row]:
        """The same rows; one counts as done when the next is asked for."""
        for row in rows:
            self._number = row.number
            self._show(refused())
            yield row
            self._share = row.share

    def say(self, text: str) -> None:
        """Why it takes longer."""
        self.end()
        self._out.write(f"row {self._number}: {text}\n")
        self._out.flush()

    def end(self) -> None:
        """Leave the line to others."""
        if self._is_terminal:
            self._out.write("\r\x1b[K")
            self._out.flush()

    def _show(self, refused: int) -> None:
        now = self._clock()
        if now - self._shown_at < (_REDRAWN_AFTER_SECONDS if self._is_terminal else _TOLD_AFTER_SECONDS):
            return
        self._shown_at = now
        told = f"{round(self._share * 100):3} %  row {self._number}, {refused} refused"
        self._out.write(f"\r\x1b[K{self._bar(told)}" if self._is_terminal else f"{told.strip()}\n")
        self._out.flush()

    def _bar(self, told: str) -> str:
        """As wide as fits on one line; a terminal too narrow for a bar gets the words."""
        columns = _columns(self._out)
        width = min(_WIDEST, columns - len(told) - 4)
        if width < 1:
            return told[: columns - 1]
        done = int(self._share * width)
        return f"[{'#' * done}{'.' * (width - done)}] {told}"


def _columns(out: TextIO) -> int:
    try:
        return os.get_terminal_size(out.fileno()).columns or _COLUMNS
    except OSError:
        return _COLUMNS
