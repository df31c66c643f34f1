"""CFF fonts (Adobe note 5176): outlines, hints and maps; no notices, family names or identities."""

import itertools
import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from intake.files.kinds import NotTaken
from intake.files.pdf.glyphs import Glyphs
from intake.files.pdf.work import Work

_STANDARD_STRINGS = 391
_ESCAPE = 12
_CHARSET, _ENCODING, _CHARSTRINGS, _PRIVATE, _SUBRS = 15, 16, 17, 18, 19
_ROS, _FDARRAY, _FDSELECT = 0x0C1E, 0x0C24, 0x0C25
#: Of a font: angle, underline, paint and charstring types, matrix, box, stroke, count of CIDs.
_OF_FONT = frozenset({5, 0x0C01, 0x0C02, 0x0C03, 0x0C04, 0x0C05, 0x0C06, 0x0C07, 0x0C08, 0x0C22})
#: Of a private dictionary: zones, stems, and the widths that glyphs leave out.
_OF_PRIVATE = frozenset({6, 7, 8, 9, 10, 11, 20, 21, *range(0x0C09, 0x0C10), 0x0C11, 0x0C12, 0x0C13})
_PREDEFINED_CHARSETS, _PREDEFINED_ENCODINGS = 2, 1
_MOST_OPERANDS = 48

#: A dictionary as it lies in a file: each operator with its operands, as numbers and as bytes.
_Dict = Mapping[int, tuple[list[int], bytes]]


def bare_cff(data: bytes, glyphs: Glyphs, work: Work) -> bytes:
    """The same glyphs in a new font named F; `NotTaken` when it cannot be read."""
    try:
        return _Font(data, glyphs, work).written()
    except (struct.error, IndexError, KeyError, ValueError) as error:
        raise NotTaken("font-in-pdf") from error


@dataclass(frozen=True)
class _Hints:
    """A private dictionary and its subroutines."""

    told: bytes
    subrs: Sequence[bytes] | None


class _Font:
    def __init__(self, data: bytes, glyphs: Glyphs, work: Work) -> None:
        self._data = data
        self._work = work
        self._glyphs = glyphs
        _, at = self._index(data[2])
        tops, at = self._index(at)
        self._strings, at = self._index(at)
        self._subrs, _ = self._index(at)
        if len(tops) != 1:
            raise NotTaken("font-in-pdf")
        self._top = _dict(tops[0])
        self._glyph_programs, _ = self._index(self._top[_CHARSTRINGS][0][0])
        self._is_cid = _ROS in self._top
        self._new_strings: dict[bytes, int] = {}

    def written(self) -> bytes:
        """The new font."""
        parts: dict[int, bytes] = {}
        charset, encoding = self._number(_CHARSET), self._number(_ENCODING)
        if charset > _PREDEFINED_CHARSETS or self._is_cid:
            parts[_CHARSET] = self._charset(charset)
        if encoding > _PREDEFINED_ENCODINGS and not self._is_cid:
            parts[_ENCODING] = self._encoding(encoding)
        if self._is_cid:
            parts[_FDSELECT] = self._fd_select()
        parts[_CHARSTRINGS] = _packed(self._glyph_programs)
        fixed = {_CHARSET: charset, _ENCODING: encoding}
        own = b"" if self._is_cid else _as_number(0) * 2 + bytes([_PRIVATE])
        head = b"\1\0\4\4" + _packed([b"F"])
        ros = self._ros() if self._is_cid else b""
        strings = _packed(list(self._new_strings)) + _packed(self._subrs)

        def top(places: Mapping[int, int], private: tuple[int, int]) -> bytes:
            told = ros + _kept(self._top, _OF_FONT)
            for operator, value in {**{key: fixed[key] for key in fixed if fixed[key]}, **places}.items():
                told += _as_number(value) + _as_operator(operator)
            if own:
                told += _as_number(private[0]) + _as_number(private[1]) + bytes([_PRIVATE])
            return _packed([told])

        wanted = dict.fromkeys([*parts, *([_FDARRAY] if self._is_cid else [])], 0)
        at = len(head) + len(top(wanted, (0, 0))) + len(strings)
        places: dict[int, int] = {}
        body = b""
        for operator, part in parts.items():
            places[operator] = at + len(body)
            body += part
        if self._is_cid:
            more, places[_FDARRAY] = self._fd_array(at + len(body))
            return head + top(places, (0, 0)) + strings + body + more
        hints = self._hints(self._top)
        private = (len(hints.told), at + len(body))
        return head + top(places, private) + strings + body + _with_subrs(hints)

    def _index(self, at: int) -> tuple[list[bytes], int]:
        found, end = _index(self._data, at)
        self._work.take(2 * len(found))
        self._work.take_bytes(end - at)  # it may be named more than once
        return found, end

    def _number(self, operator: int) -> int:
        return self._top[operator][0][0] if operator in self._top else 0

    def _ros(self) -> bytes:
        _, ordering, supplement = self._top[_ROS][0][:3]
        sids = [self._sid(name) for name in (b"Adobe", self._ordering(ordering))]
        return b"".join(_as_number(each) for each in (*sids, supplement)) + _as_operator(_ROS)

    def _ordering(self, sid: int) -> bytes:
        name = self._strings[sid - _STANDARD_STRINGS] if sid >= _STANDARD_STRINGS else b""
        return name if name in {b"Identity", b"Japan1", b"GB1", b"CNS1", b"Korea1", b"KR"} else b"Identity"

    def _sid(self, name: bytes) -> int:
        return self._new_strings.setdefault(name, _STANDARD_STRINGS + len(self._new_strings))

    def _renamed(self, sid: int) -> int:
        if sid < _STANDARD_STRINGS:
            return sid
        given = self._strings[sid - _STANDARD_STRINGS].decode("latin-1")
        return self._sid(self._glyphs.name(given).encode("latin-1"))

    def _charset(self, at: int) -> bytes:
        """Format 0; the numbers of a CID font are no names."""
        count = len(self._glyph_programs) - 1
        names = list(range(1, count + 1)) if at <= _PREDEFINED_CHARSETS else self._charset_of(at, count)
        if not self._is_cid:
            names = [self._renamed(each) for each in names]
        return struct.pack(f">B{count}H", 0, *names[:count])

    def _charset_of(self, at: int, count: int) -> list[int]:
        data, kind = self._data, self._data[at]
        if kind == 0:
            return list(struct.unpack_from(f">{count}H", data, at + 1))
        names: list[int] = []
        at += 1
        while len(names) < count:
            first, left = struct.unpack_from(">HB" if kind == 1 else ">HH", data, at)
            names += range(first, first + left + 1)
            at += 3 if kind == 1 else 4
        return names

    def _encoding(self, at: int) -> bytes:
        data, kind = self._data, self._data[at]
        size = 2 + data[at + 1] * (2 if kind & 0x7F else 1)
        made = data[at : at + size]
        if kind & 0x80:
            count = data[at + size]
            made += bytes([count])
            for each in range(count):
                code, sid = struct.unpack_from(">BH", data, at + size + 1 + 3 * each)
                made += struct.pack(">BH", code, self._renamed(sid))
        return made

    def _fd_select(self) -> bytes:
        """Which private dictionary each glyph has, one after the other."""
        data, at, glyphs = self._data, self._top[_FDSELECT][0][0], len(self._glyph_programs)
        if data[at] == 0:
            return data[at : at + 1 + glyphs]
        (count,) = struct.unpack_from(">H", data, at + 1)
        self._work.take(count)
        made = bytearray(b"\0")
        for each in range(count):
            start, number, end = struct.unpack_from(">HBH", data, at + 3 + 3 * each)
            if start != len(made) - 1 or end <= start:
                raise ValueError
            made += bytes([number]) * (min(end, glyphs) - start)
            if end >= glyphs:
                return bytes(made)
        raise ValueError

    def _fd_array(self, at: int) -> tuple[bytes, int]:
        """The private dictionaries one after the other, then the list of their fonts, and where it lies."""
        fonts, _ = self._index(self._top[_FDARRAY][0][0])
        body, told = bytearray(), []
        for each in fonts:
            font = _dict(each)
            hints = self._hints(font)
            place = _as_number(len(hints.told)) + _as_number(at + len(body)) + bytes([_PRIVATE])
            told.append(_kept(font, _OF_FONT) + place)
            body += _with_subrs(hints)
        return bytes(body) + _packed(told), at + len(body)

    def _hints(self, font: _Dict) -> _Hints:
        size, at = font[_PRIVATE][0][:2] if _PRIVATE in font else (0, 0)
        private = _dict(self._data[at : at + size])
        told = _kept(private, _OF_PRIVATE)
        if _SUBRS not in private:
            return _Hints(told, None)
        subrs, _ = self._index(at + private[_SUBRS][0][0])
        return _Hints(told + _as_number(len(told) + 6) + bytes([_SUBRS]), subrs)


def _with_subrs(hints: _Hints) -> bytes:
    return hints.told + (b"" if hints.subrs is None else _packed(hints.subrs))


def _index(data: bytes, at: int) -> tuple[list[bytes], int]:
    (count,) = struct.unpack_from(">H", data, at)
    if not count:
        return [], at + 2
    size = data[at + 2]
    if not 1 <= size <= 4:
        raise ValueError
    first = at + 3
    places = [int.from_bytes(data[first + n * size : first + (n + 1) * size]) for n in range(count + 1)]
    start = first + (count + 1) * size - 1
    if places != sorted(places) or start + places[-1] > len(data):
        raise ValueError
    found = [data[start + a : start + b] for a, b in itertools.pairwise(places)]
    return found, start + places[-1]


def _packed(items: Sequence[bytes]) -> bytes:
    if not items:
        return b"\0\0"
    places = [1]
    for each in items:
        places.append(places[-1] + len(each))
    size = (places[-1].bit_length() + 7) // 8
    head = struct.pack(">HB", len(items), size)
    return head + b"".join(each.to_bytes(size) for each in places) + b"".join(items)


def _dict(data: bytes) -> _Dict:
    found: dict[int, tuple[list[int], bytes]] = {}
    operands: list[int] = []
    at = start = 0
    while at < len(data):
        first = data[at]
        if first <= 21:
            operator, size = (first, 1) if first != _ESCAPE else (first << 8 | data[at + 1], 2)
            found[operator] = (operands, data[start:at])
            operands, at = [], at + size
            start = at
            continue
        value, at = _operand(data, at)
        operands.append(value)
        if len(operands) > _MOST_OPERANDS:
            raise ValueError
    return found


def _operand(data: bytes, at: int) -> tuple[int, int]:
    """A number and where the next begins; of a real number only its length counts here."""
    first = data[at]
    if first == 28:
        return struct.unpack_from(">h", data, at + 1)[0], at + 3
    if first == 29:
        return struct.unpack_from(">l", data, at + 1)[0], at + 5
    if first == 30:
        at += 1
        while data[at] & 0x0F != 0x0F and data[at] >> 4 != 0x0F:
            at += 1
        return 0, at + 1
    if 32 <= first <= 246:
        return first - 139, at + 1
    if 247 <= first <= 254:
        low = (first - 247) % 4 * 256 + data[at + 1] + 108
        return (low if first < 251 else -low), at + 2
    raise ValueError


def _kept(given: _Dict, operators: frozenset[int]) -> bytes:
    return b"".join(
        raw + _as_operator(operator) for operator, (_, raw) in given.items() if operator in operators
    )


def _as_number(value: int) -> bytes:
    return struct.pack(">Bl", 29, value)  # always five bytes, so that places are known beforehand


def _as_operator(operator: int) -> bytes:
    return bytes([operator]) if operator < 256 else bytes([operator >> 8, operator & 0xFF])
