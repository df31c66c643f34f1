"""Which mentions name the same person, so that one person has one placeholder.

Merging two people would mislead a handler more than splitting one, so a mention joins a person only when
exactly one fits.
"""

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

from intake.anonymiser.names import Mention
from intake.anonymiser.patience import Patience
from intake.anonymiser.walking import is_mistyped

_PEOPLE_LIMIT = 80
#: What makes a name a pet name, or shows whose something is: "Sjefke", "Bennie", "Noors".
_PET_ENDS = ("s", "je", "tje", "ke", "ie", "nie", "pie", "y")


@dataclass
class _Person:
    number: int
    given: str = ""
    initials: str = ""
    family: str = ""


def link(mentions: Sequence[Mention], patience: Patience) -> list[str]:
    """For each mention the key of its person. Whole names first, then what fits one of them.

    Raises `OutOfTime`.
    """
    double = {_folded(mention.family) for mention in mentions if " " in mention.family}
    mentions = [_reread(mention, double) for mention in mentions]
    people = _People()
    found: dict[int, _Person] = {}
    for rank in range(4):
        for at, mention in enumerate(mentions):
            if at not in found and _rank(mention) == rank:
                patience.check()
                found[at] = people.named(mention)
    return [str(found[at].number) for at in range(len(mentions))]


def _reread(mention: Mention, double: set[str]) -> Mention:
    """'Lopes da Silva' reads as a given name and a family name, until 'K. Lopes da Silva' says otherwise."""
    whole = f"{mention.given} {mention.family}"
    if mention.given and mention.family and _folded(whole) in double:
        return mention._replace(given="", family=whole)
    return mention


def _rank(mention: Mention) -> int:
    if mention.is_nickname:
        return 3
    if mention.given and mention.family:
        return 0
    return 1 if mention.initials and mention.family else 2


class _People:
    """Those of one report, with every name under which each was met."""

    def __init__(self) -> None:
        self._first: list[_Person] = []  # those that a name may fit
        self._by_key: dict[str, _Person] = {}
        self._count = 0

    def named(self, mention: Mention) -> _Person:
        """The person of a mention, who is new when no one else, or more than one, fits."""
        key = _folded(mention.span.key)
        if key not in self._by_key:
            self._by_key[key] = self._fitting(mention)
        return self._by_key[key]

    def _fitting(self, mention: Mention) -> _Person:
        folded = mention._replace(given=_folded(mention.given), family=_folded(mention.family))
        fitting = [] if mention.is_nickname else [each for each in self._first if _fits(folded, each)]
        if len(fitting) != 1:
            return self._new(folded)
        person = fitting[0]
        person.given = person.given or folded.given
        person.family = person.family or folded.family
        person.initials = person.initials or mention.initials
        return person

    def _new(self, mention: Mention) -> _Person:
        self._count += 1
        person = _Person(self._count)
        if not mention.is_nickname:
            person.given, person.initials, person.family = mention.given, mention.initials, mention.family
        if self._count <= _PEOPLE_LIMIT:
            self._first.append(person)
        return person


def _fits(mention: Mention, person: _Person) -> bool:
    given, family = mention.given, mention.family
    if not (person.given or person.family):
        return False
    if given and family and _is_same(f"{given} {family}", person.family):
        return True
    if given and family:
        return _is_same(family, person.family) and (_is_same(given, person.given) or _starts(given, person))
    if family:
        if not _is_same(family, person.family):
            return not mention.initials and _is_same(family, person.given)
        if mention.initials and person.given:
            return person.given[0] == mention.initials[0]
        return not (mention.initials and person.initials) or person.initials[0] == mention.initials[0]
    if not given:
        return False
    return _is_same(given, person.given) or _is_same(given, person.family) or _starts(given, person)


def _starts(given: str, person: _Person) -> bool:
    return bool(not person.given and person.initials and person.initials[0] == given[0])


def _is_same(one: str, other: str) -> bool:
    if one == other:
        return bool(one)
    if not one or not other or one[0] != other[0]:  # nothing below holds then, and it is soon seen
        return False
    short, long = sorted((one, other), key=len)
    if long.startswith((short + " ", short + "-")):
        return True
    if len(short) > 2 and long.startswith(short) and long[len(short) :] in _PET_ENDS:
        return True
    return len(one) > 4 and len(other) > 4 and is_mistyped(one, other)


def _folded(name: str) -> str:
    plain = "".join(c for c in unicodedata.normalize("NFKD", name) if not unicodedata.combining(c))
    return plain.replace("ł", "l").replace("ı", "i").replace("ø", "o")
