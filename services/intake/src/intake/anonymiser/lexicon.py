"""What is known of words beforehand: Dutch words, given names and surnames.

The lists stand in ``lists/`` with their licences. Nothing here remembers a word that a reporter wrote.
"""

import gzip
import tomllib
from array import array
from functools import lru_cache
from importlib.resources import files
from io import BytesIO
from zlib import crc32

_LISTS = files("intake.anonymiser").joinpath("lists")


def _read(name: str) -> dict[str, frozenset[str]]:
    lists = tomllib.loads(_LISTS.joinpath(name).read_text(encoding="utf-8"))
    return {name: frozenset(text.split()) for name, text in lists.items()}


_WORDS = _read("words.toml")
for _name, _more in _read("own_names.toml").items():
    _WORDS[_name] |= _more


#: Words of these lists are names only where our own lists of names have them.
_NO_NAMES = ("ordinary", "common", "roles", "no_streets", "businesses", "organisations")


def words(name: str) -> frozenset[str]:
    """A list of ``words.toml``, lower case; with the names of ``own_names.toml``."""
    return _WORDS[name]


class _WordTable:
    """Very many words, each found by its checksum (open addressing): as a set, in a fifth of the room.

    To look up takes a quarter of a microsecond more than in a set.
    """

    def __init__(self, lines: bytes) -> None:
        """`lines` holds each word once, in UTF-8 and with a newline behind it."""
        count = lines.count(b"\n")
        mask = (1 << (count * 2).bit_length()) - 1  # at most half full, so that a place is found soon
        places = array("I", bytes(4 * (mask + 1)))
        at = 1  # 0 is an empty place
        for line in BytesIO(lines):
            place = crc32(line) & mask
            while places[place]:
                place = place + 1 & mask
            places[place] = at
            at += len(line)
        self._lines, self._mask, self._places = lines, mask, places

    def __contains__(self, word: str) -> bool:
        line = word.encode("utf-8", "surrogatepass") + b"\n"
        place = crc32(line) & self._mask
        while at := self._places[place]:
            if self._lines.startswith(line, at - 1):
                return True
            place = place + 1 & self._mask
        return False


@lru_cache(maxsize=1)
def _dutch() -> _WordTable:
    listed = gzip.decompress(_LISTS.joinpath("dutch_words.txt.gz").read_bytes()).strip() + b"\n"
    known = f"\n{listed.decode()}"
    more = [word for word in sorted(_WORDS["common"]) if f"\n{word}\n" not in known]
    return _WordTable(listed + "".join(f"{word}\n" for word in more).encode())


def _names(name: str, own: str) -> frozenset[str]:
    lines = _LISTS.joinpath(name).read_text(encoding="utf-8").split()
    ordinary = frozenset[str]().union(*(_WORDS[name] for name in _NO_NAMES))
    return ((frozenset(lines) - ordinary) | _WORDS[own]) - _WORDS["particles"]


@lru_cache(maxsize=1)
def _first_names() -> frozenset[str]:
    return _names("first_names.txt", "given_names")


@lru_cache(maxsize=1)
def _last_names() -> frozenset[str]:
    return _names("last_names.txt", "surnames")


def is_dutch_word(word: str) -> bool:
    """Whether a lower-case word is Dutch, or two Dutch words written as one ('hennepgeur')."""
    return is_listed_word(word) or (len(word) > 7 and _is_compound(word))


def is_listed_word(word: str) -> bool:
    """Whether a lower-case word itself is on the list of Dutch words."""
    return word in _dutch()


def _is_compound(word: str) -> bool:
    if len(word) > 40:
        return False
    dutch = _dutch()
    for cut in range(4, len(word) - 2):
        if word[cut:] in dutch:
            head = word[:cut]
            if head in dutch or (head[-1] == "s" and cut > 4 and head[:-1] in dutch):
                return True
    return False


def is_first_name(word: str) -> bool:
    """Whether a lower-case word is on the list of given names."""
    return word in _first_names()


def is_last_name(word: str) -> bool:
    """Whether a lower-case word is on the list of surnames, without its particles."""
    return word in _last_names()


def is_listed(word: str) -> bool:
    """Whether a lower-case word is on any list, or made of two words that are."""
    return (
        word in _first_names()
        or word in _last_names()
        or is_dutch_word(word)
        or any(word in listed for listed in _WORDS.values())
    )


def load() -> None:
    """Read all lists now, so that the first report does not wait for them."""
    _dutch()
    _first_names()
    _last_names()
