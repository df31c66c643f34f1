"""Of a PNG with several pictures (APNG) the one that a browser shows at first, as a PNG with nothing else.

A PNG can hold a picture for readers that know no frames, and frames that everybody else shows instead; and
readers differ in what they make of a file against the rules. So the parts are looked at here, only an order
that the standard has is taken, and what draws the picture gets nothing to choose.

PNG, third edition: 5.3 (parts), 5.6 (their order), 11.3.6 (frames).
"""

import re
import struct
import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from PIL import Image

from intake.files.kinds import NotTaken

_START = b"\x89PNG\r\n\x1a\n"
_MOST_PARTS = 100_000
#: The parts that are looked at, each as a letter. Another is a full stop where a reader may leave it out,
#: else an exclamation mark.
_LETTERS: Mapping[bytes, str] = {
    b"IHDR": "h",
    b"PLTE": "p",
    b"tRNS": "t",
    b"eXIf": "x",
    b"acTL": "m",
    b"fcTL": "c",
    b"fdAT": "f",
    b"IDAT": "d",
    b"IEND": "e",
}
_MAY_BE_LEFT_OUT = 0x20  # in the first letter of a name
#: In which order the parts must stand: all of them, and some of them among themselves.
_ORDERS = (
    ("hptxmcdfe.!", re.compile(r"h[ptxmc.]*+d++[xcf.]*+e")),
    ("pt", re.compile(r"p?t?")),
    ("x", re.compile(r"x?")),
    ("mcdf", re.compile(r"d++|mc?d++(?:cf++)*+")),
)
_HEAD, _MOVES, _CONTROL = struct.Struct(">LL5s"), struct.Struct(">LL"), struct.Struct(">LLLLLHHBB")
_WAYS_TO_GO_ON, _WAYS_TO_LAY_OVER = 3, 2
_PARTS_OF_A_SECOND = 100  # where a frame says 0 of them
#: How long what is seen at first must stay before something else comes: a shorter flash nobody looks at.
LEAST_MILLISECONDS = 1000


@dataclass(frozen=True)
class Still:
    """A file with one picture, and its place on a sheet of this size; without one it is the sheet."""

    data: bytes
    sheet: tuple[int, int] | None = None
    place: tuple[int, int] = (0, 0)

    def laid(self, image: Image.Image) -> Image.Image:
        """The sheet with the picture on it, and nothing seen beside it."""
        if self.sheet is None:
            return image
        sheet = Image.new("RGBA", self.sheet)
        sheet.paste(image, self.place)
        return sheet


@dataclass(frozen=True)
class _Part:
    letter: str
    content: memoryview


@dataclass(frozen=True)
class _Frame:
    """What one control says (11.3.6.2)."""

    size: tuple[int, int]
    place: tuple[int, int]
    milliseconds: float


def still(data: bytes) -> Still:
    """What a browser shows of this PNG at first.

    Raises `NotTaken`: parts are damaged or against the rules, or something else is shown within a second.
    """
    parts = _ordered(list(_parts(data)))
    sheet = _HEAD.unpack(parts[0].content)[:2]
    frames = _frames(parts, sheet)
    order = "".join(part.letter for part in parts)
    if "c" not in order or order.index("c") < order.index("d"):
        return Still(_made(parts, sheet, [part.content for part in parts if part.letter == "d"]))
    first, *_ = re.finditer(r"c[^c]*", order)
    shown = [part.content[4:] for part in parts[first.start() : first.end()] if part.letter == "f"]
    if frames[0].size == sheet:
        return Still(_made(parts, sheet, shown))
    return Still(_made(parts, frames[0].size, shown), sheet, frames[0].place)


def _parts(data: bytes) -> Iterator[_Part]:
    """Each part to the end of the picture; what lies behind is no part of it."""
    seen, at = memoryview(data), len(_START)
    for _ in range(_MOST_PARTS):
        length, name = struct.unpack(">L4s", seen[at : at + 8]) if at + 12 <= len(data) else (0, b"")
        end = at + 12 + length
        if not name or end > len(data):
            raise NotTaken("damaged")
        letter = _LETTERS.get(name, "." if name[0] & _MAY_BE_LEFT_OUT else "!")
        if letter != "." and zlib.crc32(seen[at + 4 : end - 4]) != int.from_bytes(seen[end - 4 : end]):
            raise NotTaken("damaged")
        yield _Part(letter, seen[at + 8 : end - 4])
        if letter == "e":
            return
        at = end
    raise NotTaken("too-heavy")


def _ordered(parts: Sequence[_Part]) -> list[_Part]:
    """The parts that matter."""
    order = "".join(part.letter for part in parts)
    for letters, rule in _ORDERS:
        if not rule.fullmatch("".join(each for each in order if each in letters)):
            raise NotTaken("damaged")
    return [part for part in parts if part.letter != "."]


def _frames(parts: Sequence[_Part], sheet: tuple[int, int]) -> list[_Frame]:
    """Every frame, when they are as many as is told, in their order, within the sheet."""
    numbered = [part.content[:4] for part in parts if part.letter in "cf"]
    controls = [part.content for part in parts if part.letter == "c"]
    told = [_MOVES.unpack(part.content)[0] for part in parts if part.letter == "m"]
    if told not in ([], [len(controls)]) or told == [0]:
        raise NotTaken("damaged")
    if any(int.from_bytes(number) != at for at, number in enumerate(numbered)):
        raise NotTaken("damaged")
    frames = [_frame(control, sheet) for control in controls]
    order = "".join(part.letter for part in parts)
    if "c" in order.partition("d")[0] and (frames[0].size, frames[0].place) != (sheet, (0, 0)):
        raise NotTaken("damaged")
    if len(frames) > 1 and frames[0].milliseconds < LEAST_MILLISECONDS:
        raise NotTaken("moving-picture")
    return frames


def _frame(control: memoryview, sheet: tuple[int, int]) -> _Frame:
    _, width, height, left, top, time, of_a_second, goes_on, lies_over = _CONTROL.unpack(control)
    is_within = left + width <= sheet[0] and top + height <= sheet[1]
    is_known = goes_on < _WAYS_TO_GO_ON and lies_over < _WAYS_TO_LAY_OVER
    if not (width and height and is_within and is_known):
        raise NotTaken("damaged")
    return _Frame((width, height), (left, top), 1000 * time / (of_a_second or _PARTS_OF_A_SECOND))


def _made(parts: Sequence[_Part], size: tuple[int, int], shown: Sequence[memoryview]) -> bytes:
    """A picture of this size with the colours of the file, upright as the file is."""
    kept = {part.letter: part.content for part in parts if part.letter in "hptx"}
    head = _HEAD.pack(*size, _HEAD.unpack(kept["h"])[2])
    beside = [_part(name, kept[each]) for name, each in _LETTERS.items() if each in "ptx" and each in kept]
    data = b"".join(_part(b"IDAT", each) for each in shown)
    return _START + _part(b"IHDR", head) + b"".join(beside) + data + _part(b"IEND", b"")


def _part(name: bytes, content: bytes | memoryview) -> bytes:
    body = name + content
    return struct.pack(">L", len(content)) + body + struct.pack(">L", zlib.crc32(body))
