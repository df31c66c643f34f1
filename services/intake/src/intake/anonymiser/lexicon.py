"""What is known of words beforehand: Dutch words, given names and surnames.

The lists stand in ``lists/`` with their licences. The Dutch words are kept as sorted 32-bit checksums
(1.3 MB instead of 40); one unknown word in ten thousand passes for a known one.
"""

import gzip
import tomllib
from array import array
from bisect import bisect_left
from functools import lru_cache
from importlib.resources import files
from zlib import crc32

_LISTS = files("intake.anonymiser").joinpath("lists")
_WORDS = {
    name: frozenset(text.split())
    for name, text in tomllib.loads(_LISTS.joinpath("words.toml").read_text(encoding="utf-8")).items()
}


def words(name: str) -> frozenset[str]:
    """A list of ``words.toml``, lower case."""
    return _WORDS[name]


@lru_cache(maxsize=1)
def _dutch() -> "array[int]":
    with _LISTS.joinpath("dutch_words.txt.gz").open("rb") as packed:
        lines = gzip.decompress(packed.read()).split(b"\n")
    return array("I", sorted(map(crc32, lines)))


def _names(name: str, own: str) -> frozenset[str]:
    lines = _LISTS.joinpath(name).read_text(encoding="utf-8").split()
    ordinary = (
        _WORDS["ordinary"] | _WORDS["common"] | _WORDS["roles"] | _WORDS["no_streets"] | _WORDS["businesses"]
    )
    return ((frozenset(lines) - ordinary) | _WORDS[own]) - _WORDS["particles"]


@lru_cache(maxsize=1)
def _first_names() -> frozenset[str]:
    return _names("first_names.txt", "given_names")


@lru_cache(maxsize=1)
def _last_names() -> frozenset[str]:
    return _names("last_names.txt", "surnames")


@lru_cache(maxsize=20_000)
def is_dutch_word(word: str) -> bool:
    """Whether a lower-case word is Dutch, or two Dutch words written as one ('hennepgeur')."""
    return is_listed_word(word) or (len(word) > 7 and _is_compound(word))


def is_listed_word(word: str) -> bool:
    """Whether a lower-case word itself is on the list of Dutch words."""
    if word in _WORDS["common"]:
        return True
    dutch, check = _dutch(), crc32(word.encode())
    at = bisect_left(dutch, check)
    return at < len(dutch) and dutch[at] == check


def _is_compound(word: str) -> bool:
    if len(word) > 40:
        return False
    for cut in range(4, len(word) - 2):
        head = word[:cut]
        if is_listed_word(word[cut:]) and (
            is_listed_word(head) or (head[-1] == "s" and cut > 4 and is_listed_word(head[:-1]))
        ):
            return True
    return False


def is_first_name(word: str) -> bool:
    """Whether a lower-case word is on the list of given names."""
    return word in _first_names()


def is_last_name(word: str) -> bool:
    """Whether a lower-case word is on the list of surnames, without its particles."""
    return word in _last_names()


def load() -> None:
    """Read all lists now, so that the first report does not wait for them."""
    _dutch()
    _first_names()
    _last_names()
