"""The new document while it is made, and what of a value may stay; no given object is carried over.

Lists say what stays (ISO 32000-2): a table names the keys of a kind of object and what each must look like.
What is in no list is not refused, it is simply not there any more.
"""

import zlib
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal

import pikepdf
from pikepdf import Array, Dictionary, Name, Object, Stream

from intake.files.kinds import NotTaken
from intake.files.pdf.codecs import MAX_STREAM_BYTES, contents
from intake.files.pdf.work import OBJECT, Work

MAX_DEPTH = 24  # forms within patterns within forms: nobody nests as deep
MAX_NUMBERS = 300_000  # in one list
MAX_MADE_BYTES = MAX_STREAM_BYTES  # of all streams together, packed
_WEIGHED_DEPTH = 3
_SHORT_LIST = 8
_LARGEST = 10**12
_MATRIX = 6
_SIDES = 4
_MOST_CHANGE = 0.01

Number = int | Decimal
#: What a value must be to stay; None when it is something else.
Check = Callable[[object], object | None]


class Making:
    """The new document, and which object of it stands for which of the given one."""

    def __init__(self, given: pikepdf.Pdf, made: pikepdf.Pdf, *, room_bytes: int = MAX_MADE_BYTES) -> None:
        self.given = given
        self.made = made
        self.work = Work()
        self._room_bytes = room_bytes
        self._seen: set[tuple[tuple[int, int], object]] = set()
        self._made_of: dict[tuple[tuple[int, int], object], Object | None] = {}
        self._open: set[tuple[tuple[int, int], object]] = set()  # what is being made
        self._depth = 0
        self._count = 0

    def once(self, given: Object, role: object, make: Callable[[], Object | None]) -> Object | None:
        """What `make` makes of this object in this role, made once.

        `NotTaken` for an object within itself: where readers stop, they do not agree.
        """
        key = (given.objgen, role)
        if given.is_indirect and key in self._made_of:
            return self._made_of[key]
        if key in self._open:
            raise NotTaken("content-in-pdf")
        if self._depth >= MAX_DEPTH:
            raise NotTaken("too-heavy")
        self.work.take(OBJECT + _weight(given, 0))
        if given.is_indirect:
            self._open.add(key)
        self._depth += 1
        try:
            made = make()
        finally:
            self._depth -= 1
            self._open.discard(key)
        if isinstance(made, (Array, Dictionary, Stream)):
            made = self.made.make_indirect(made)
        if given.is_indirect:
            self._made_of[key] = made
        return made

    def contents(self, given: Stream, most_bytes: int = MAX_STREAM_BYTES) -> bytes:
        """The bytes of a stream that is no picture, counted as work."""
        data = contents(given, most_bytes)
        self.work.take_bytes(len(data))
        return data

    def is_first(self, given: Object, role: object) -> bool:
        """Whether this object comes in this role for the first time."""
        key = (given.objgen, role)
        is_known = given.is_indirect and key in self._seen
        self._seen.add(key)
        return not is_known

    def stream(self, content: bytes, told: Mapping[str, object] | None = None) -> Stream:
        """A new stream, packed at once: what unpacks large is not held."""
        return self.packed(zlib.compress(content), told or {}, Name.FlateDecode)

    def packed(
        self, content: bytes, told: Mapping[str, object], coding: Name, parameters: Dictionary | None = None
    ) -> Stream:
        """A new stream of what is packed already; `NotTaken` when all of them together get too large."""
        self._room_bytes -= len(content)
        if self._room_bytes < 0:
            raise NotTaken("unpacks-too-large")
        made = Stream(self.made, b"")
        for key, value in told.items():
            made[key] = value
        made.write(content, filter=coding, decode_parms=parameters)
        return made

    def fresh(self) -> int:
        """A number for a name of our own."""
        self._count += 1
        return self._count


def _weight(given: object, depth: int) -> int:
    """How long its lists are: the same one may be named from many places, and is read each time."""
    if depth > _WEIGHED_DEPTH:
        return 0
    if isinstance(given, Array):
        parts = list(given) if len(given) <= _SHORT_LIST else []
        return len(given) + sum(_weight(each, depth + 1) for each in parts)
    if isinstance(given, (Dictionary, Stream)):
        direct = [each for each in given.values() if isinstance(each, Array)]
        return sum(_weight(each, depth + 1) for each in direct)
    return 0


def number(value: object) -> Number | None:
    """A number of a size that pages use, to eight decimals."""
    if isinstance(value, bool):
        return None
    if isinstance(value, int):
        return value if abs(value) < _LARGEST else None
    if isinstance(value, (float, Decimal)):
        return Decimal(f"{value:.8f}") if abs(float(value)) < _LARGEST else None
    return None


def whole(value: object) -> int | None:
    """A whole number."""
    found = number(value)
    return None if found is None else int(found)


def truth(value: object) -> bool | None:
    """Yes or no."""
    return value if isinstance(value, bool) else None


def numbers(value: object) -> Array | None:
    """A list of numbers."""
    found = plain_numbers(value)
    return None if found is None else Array(found)


def first(count: int) -> Check:
    """The first numbers of a list that has as many; those behind them are read by nobody."""

    def check(value: object) -> Array | None:
        found = plain_numbers(value)
        return None if found is None or len(found) < count else Array(found[:count])

    return check


def at_most(count: int) -> Check:
    """As many numbers of a list, where it is only known how many there can be."""

    def check(value: object) -> Array | None:
        found = plain_numbers(value)
        return None if found is None else Array(found[:count])

    return check


def box(value: object) -> Array | None:
    """The four sides of one; readers do not agree on a list of more or fewer."""
    found = plain_numbers(value)
    return Array(found) if found is not None and len(found) == _SIDES else None


def matrix(value: object) -> Array | None:
    """Six numbers that place and scale. `NotTaken` where those that we can write scale otherwise."""
    made = numbers(value)
    if made is None or not isinstance(value, Array) or len(made) != _MATRIX:
        return None
    before, after = _scale(value), _scale(made)
    if abs(after - before) > abs(before) * _MOST_CHANGE:
        raise NotTaken("content-in-pdf")
    return made


def _scale(given: Array) -> float:
    a, b, c, d = (float(str(each)) for each in list(given)[:4])
    return a * d - b * c


def plain_numbers(value: object) -> list[Number] | None:
    """As `numbers`, for us."""
    if not isinstance(value, Array) or len(value) > MAX_NUMBERS:
        return None
    found = [number(each) for each in value]
    plain = [each for each in found if each is not None]
    return plain if len(plain) == len(found) else None


def one_of(*names: str) -> Check:
    """One of these names."""
    known = frozenset(f"/{name}" for name in names)

    def check(value: object) -> object | None:
        return Name(str(value)) if isinstance(value, Name) and str(value) in known else None

    return check


def sure(check: Check) -> Check:
    """What the check makes of a value; `NotTaken` for one that is something else, as readers differ on it."""

    def surely(value: object) -> object:
        made = check(value)
        if made is None:
            raise NotTaken("content-in-pdf")
        return made

    return surely


def kept(given: Object, table: Mapping[str, Check]) -> dict[str, object]:
    """The entries of a dictionary that the table knows and that are what it asks."""
    found: dict[str, object] = {}
    for key, check in table.items():
        value = given.get(key)
        made = None if value is None else check(value)
        if made is not None:
            found[key] = made
    return found


def dictionary(*parts: Mapping[str, object]) -> Dictionary:
    """A new dictionary of these entries."""
    made = Dictionary()
    for part in parts:
        for key, value in part.items():
            made[key] = value
    return made


def items(value: object, most: int) -> Sequence[object]:
    """What an array holds; `NotTaken` when that is more than any document needs."""
    if not isinstance(value, Array):
        return ()
    if len(value) > most:
        raise NotTaken("too-heavy")
    return list(value)
