"""What is known of words beforehand: Dutch words, given names and surnames.

The lists stand in ``lists/`` with their licences. Nothing here remembers a word that a reporter wrote.
"""

import gzip
import tomllib
from functools import lru_cache
from importlib.resources import files

_LISTS = files("intake.anonymiser").joinpath("lists")
_WORDS = {
    name: frozenset(text.split())
    for name, text in tomllib.loads(_LISTS.joinpath("words.toml").read_text(encoding="utf-8")).items()
}


#: Words of these lists are names only where our own lists of names have them.
_NO_NAMES = ("ordinary", "common", "roles", "no_streets", "businesses", "organisations")


def words(name: str) -> frozenset[str]:
    """A list of ``words.toml``, lower case."""
    return _WORDS[name]


@lru_cache(maxsize=1)
def _dutch() -> frozenset[str]:
    packed = _LISTS.joinpath("dutch_words.txt.gz").read_bytes()
    return frozenset(gzip.decompress(packed).decode().split("\n")) | _WORDS["common"]


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
