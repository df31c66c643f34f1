"""Rules beside the model: what a title, a register, a nickname or an earlier mention says about a word."""

import re
from bisect import bisect_left
from collections.abc import Sequence

from intake.anonymiser.lexicon import words
from intake.anonymiser.reading import Reading
from intake.anonymiser.tokens import Token, base_form
from intake.anonymiser.walking import initials_end, is_mistyped, starts_sentence, touches

_ADJECTIVES = words("nickname_adjectives")
_TITLES, _NAME_CUES, _COMMON = words("titles"), words("name_cues"), words("common")
_KIN = words("kin")
_VERBS = words("verbs")
_ROLE_CUES = words("role_cues")
_ARTICLES = frozenset(
    ["de", "het", "een", "die", "dit", "dat", "deze", "'t", "n", "t", "geen", "mijn", "mn", "zijn", "zn"]
)
_T_NAMES = words("t_names")
_ONLY_IN_NAMES = frozenset(["der", "den", "'t", "t", "ter", "v.d.", "v.d", "vd", "v/d"])
_ANNOUNCING = _TITLES | _NAME_CUES
_VAN = frozenset(["van", "v.d.", "v.d", "vd", "v/d"])
PREPOSITIONS = frozenset(["voor", "bij", "aan", "met", "door", "naar", "tegen"])
_WHERE = ("<ADRES>", "<TELEFOON>", "<POSTCODE>")
_CLOSINGS = words("closings")
_HEET = ("heet", "heette", "genaamd")
_POSSIBLE = 0.1
_KNOWN_LIMIT = 60
STRONG_PARTICLES = frozenset(
    ["van", "der", "den", "de", "ten", "ter", "el", "'t", "t", "vd", "v.d", "v.d.", "v/d", "al", "ben"]
)
#: One of these must stand in the text before `_NICKNAME` is tried; "a" is of 'a.k.a.'.
_NO_NICKNAMES = frozenset(["onbekend", "anders", "vermoedelijk", "waarschijnlijk", "volgens", "iets"])
_NICKNAME_WORDS = words("nickname_openers")
_NICKNAME = re.compile(
    r"(?:\balias|\ba\.?k\.?a\.?|bijgenaamd|bijnaam(?: is|:| van hem is| luidt)?|ook wel(?: bekend als)?|bekend (?:als|onder de naam)|beter als|"
    r"luistert naar(?: de naam)?|straatnaam(?: is|:)?|roepnaam(?: is|:)?|(?:achter|voor)naam(?: is|:)|\bken(?:t|nen) (?:hem|haar|m)(?: hier)? als|noemen (?:ze|we|wij) (?:hem|haar|m)|noemt (?:iedereen|men) (?:hem|haar|m)|"
    r"\bnoem(?:en|t|de|den) (?:hem|haar|m|zich(?:zelf)?)(?: hier| altijd| ook wel)?)"
    r"[\s:,(]{1,2}[\"'“‘]?(?P<value>(?:(?:de|het|el|la|big|lil|ome|oom|tante) )?[^\W\d_][\w'-]{1,20})"
)


_NICKNAMED = re.compile(
    r"(?:\b(?:ze|we|wij|men|iedereen|mensen|zich)\s|\bwordt\s(?:(?:ook|wel|hier|door|de|iedereen|hij|zij|\w{3,12})\s){0,3}?)"
    r"(?:hem |haar |m )?[\"'“‘]?(?P<value>(?:(?:de|het|el|la|big|lil) )?[^\W\d_][\w'-]{1,20})[\"'”’]?\s(?:noem(?:en|t|den|de)|genoemd)\b"
)


def mark_titled(tokens: Sequence[Token], named: list[bool], mode: str) -> None:
    """Behind a title or cue, and behind a name with particles, stands a family name: 'dhr Van den Broek'."""
    for at, token in enumerate(tokens):
        if not (named[at] or token.low in _ANNOUNCING):
            continue
        is_cue = token.low in _NAME_CUES and not named[at]
        first, here = _behind(tokens, at, ":" if is_cue else ".", named[at])
        if here >= len(tokens) or named[here] or tokens[here].kind[0] not in "ClUVM":
            continue
        if named[at] and not _are_strong(tokens, first, here):
            continue
        if all(touches(tokens, n) for n in range(max(first - 1, at), here)):
            named[here] = _is_family_name(tokens, first, here, mode, named[at], is_cue)
    mark_roles(tokens, named, mode)
    _mark_given(tokens, named, mode)
    for at in range(1, len(tokens) - 1):
        if tokens[at + 1].low in _HEET and mode == "n" and tokens[at].kind[0] in "CU":
            named[at] = named[at] or ("k" not in tokens[at].kind and tokens[at - 1].text not in ".!?")
    for at, token in enumerate(tokens):
        if token.kind[0] == "C" and "f" in token.kind and token.low != base_form(token.low):
            named[at] = True


def _mark_given(tokens: Sequence[Token], named: list[bool], mode: str) -> None:
    """A capital within a sentence that is a given name and no word; in capitals, an unknown word behind a role."""
    for at in range(1, len(tokens)):
        kind = tokens[at].kind
        if mode in "nw" and kind in ("Cf", "Cfs"):
            named[at] = named[at] or tokens[at - 1].kind[0] in "l,"
        elif mode == "u" and kind == "U" and tokens[at - 1].low in _ROLE_CUES:
            named[at] = named[at] or touches(tokens, at - 1)


def mark_roles(tokens: Sequence[Token], named: list[bool], mode: str) -> None:
    """'boer Harmsen' and 'Wil van der Laan': a capital behind a role, or in front of particles that only names have."""
    if mode not in "nw":
        return
    for at in range(len(tokens) - 1):
        here = at + 1
        if tokens[at].low in _ROLE_CUES and tokens[here].kind[0] == "C" and touches(tokens, at):
            marks = tokens[here].kind[1:]
            is_word = any(mark in marks for mark in "gvoumb") or not (
                "f" in marks or "s" in marks or not marks
            )
            named[here] = named[here] or not is_word
        elif tokens[at].kind[0] == "C" and "f" in tokens[at].kind and "p" in tokens[here].kind:
            while (
                here < len(tokens) - 1
                and here - at < 4
                and "p" in tokens[here].kind
                and touches(tokens, here)
            ):
                here += 1
            run = {token.low for token in tokens[at + 1 : here]}
            if tokens[here].kind[0] == "C" and run & _ONLY_IN_NAMES and touches(tokens, at):
                named[at] = named[here] = True


def _behind(tokens: Sequence[Token], at: int, sign: str, is_name: bool) -> tuple[int, int]:
    """Where the particles behind `at` start and end, past initials and one sign."""
    here = at + 1
    if not is_name:
        here += here < len(tokens) and tokens[here].text == sign
        here = initials_end(tokens, here)
    first = here
    while here < len(tokens) and here - first < 4 and "p" in tokens[here].kind:
        here += 1
    return first, here


def _are_strong(tokens: Sequence[Token], first: int, here: int) -> bool:
    run = [token.low for token in tokens[first:here]]
    return first < here and run != ["in"] and all(low in STRONG_PARTICLES or low == "in" for low in run)


def _is_family_name(
    tokens: Sequence[Token], first: int, here: int, mode: str, is_name: bool, is_cue: bool
) -> bool:
    kind = tokens[here].kind
    if kind[0] in "CMU" and mode in "nw" and not any(mark in kind for mark in "gvob"):
        return True
    if "g" in kind and first < here and not (is_cue or is_name):
        return True  # 'mr. Van Zutphen'
    if "k" in kind:
        return False
    if mode == "u" and first < here and (kind == "V" or kind[1:] == "s"):
        return True  # 'TNV DE ROO'
    if is_cue:
        return False
    if any(token.low in ("der", "den", "'t", "ter", "ten") for token in tokens[first:here]):
        return True
    van_de = [token.low for token in tokens[first:here]] == ["van", "de"]
    is_role = is_name and mode != "l" and kind[0] == "l" and "u" in kind  # 'Claudio de baas'
    return "s" in kind and not is_role and not (van_de and "d" in kind and is_name)


def read_lone_t(tokens: list[Token]) -> None:
    """'dick van t hof': an apostrophe was left out."""
    for at in range(1, len(tokens) - 1):
        if tokens[at].low == "t" and tokens[at - 1].low == "van" and tokens[at + 1].low in _T_NAMES:
            tokens[at] = tokens[at]._replace(kind="lp")


def mark_particles(tokens: Sequence[Token], named: list[bool]) -> None:
    """'van der' stands in names only; 'voor van Meurs' has one preposition too many."""
    for at, token in enumerate(tokens):
        if token.low not in _VAN or (at > 0 and "p" in tokens[at - 1].kind):
            continue
        first, here = _behind(tokens, at - 1, "", True)
        if here >= len(tokens) or not all(touches(tokens, n) for n in range(first, here)):
            continue
        kind = tokens[here].kind
        if kind[0] not in "lCUM" or any(mark in kind for mark in "kgvomtbpeu"):
            continue
        run = {each.low for each in tokens[first:here]}
        is_second = at > 0 and tokens[at - 1].low in PREPOSITIONS and touches(tokens, at - 1)
        fits = "s" in kind or "d" not in kind
        named[here] = named[here] or bool(run & _ONLY_IN_NAMES) or (is_second and run == {"van"} and fits)


def mark_entries(tokens: Sequence[Token], named: list[bool]) -> None:
    """'Kuipers, Dorpsstraat 118.': a family name at the start, and where to find them."""
    for at in range(len(tokens) - 2):
        if tokens[at].kind[0] == "C" and tokens[at + 1].text == "," and tokens[at + 2].kind in _WHERE:
            marks = tokens[at].kind[1:]
            is_family = not marks or ("s" in marks and not any(mark in marks for mark in "kgvomb"))
            named[at] = named[at] or (is_family and (at == 0 or tokens[at - 1].text in ".!?:;\n-"))


def unmark_places(tokens: Sequence[Token], named: list[bool]) -> None:
    """The one word behind a postcode, 'in' or 'te' that no list of names has: '7251 JX Vorden'."""
    for at in range(1, len(tokens)):
        if not named[at] or tokens[at].kind[0] != "C" or not tokens[at - 1].end < tokens[at].start:
            continue
        is_listed = "f" in tokens[at].kind or "s" in tokens[at].kind
        if tokens[at - 1].kind == "<POSTCODE>" or (tokens[at - 1].text in ("in", "te") and not is_listed):
            named[at] = at + 1 < len(tokens) and named[at + 1]


def mark_initialled(tokens: Sequence[Token], named: list[bool], mode: str) -> None:
    """Behind 'J.W.' or 'J.W. van der' stands a family name, also when it is a word."""
    for at, token in enumerate(tokens):
        if token.kind[0] != "I" or at + 2 >= len(tokens) or tokens[at + 1].text != ".":
            continue
        if at > 1 and tokens[at - 2].kind[0] == "I" and tokens[at - 1].text == ".":
            continue  # the first letter has looked at what stands behind all of them
        here = initials_end(tokens, at)
        if tokens[here - 2].text == ".":
            continue  # 'Metz, van S.. Aanhanger': a sentence ended
        first = here
        while here < len(tokens) and here - first < 4 and "p" in tokens[here].kind:
            here += 1
        shapes = "CUV" if mode == "u" and here > first else "CU"
        if here < len(tokens) and tokens[here].kind[0] in shapes and touches(tokens, here - 1):
            kind = tokens[here].kind
            if "k" in kind and mode == "n" and at > 0 and named[at - 1]:
                continue  # 'Wesley K. Ze dragen': a sentence begins
            is_word = (
                ("k" in kind and mode == "u")
                or any(mark in kind for mark in "gvom")
                or (mode == "u" and "d" in kind and "s" not in kind)
            )
            named[here] = named[here] or not is_word or here > first


def mark_register(tokens: Sequence[Token], named: list[bool]) -> None:
    """'JONGE, DE S.M.' is somebody, whatever words these are."""
    for at in range(len(tokens) - 3):
        if tokens[at].kind[0] not in "CU" or tokens[at + 1].text != "," or len(tokens[at].text) < 3:
            continue
        here = at + 2
        while here < len(tokens) and here - at < 6 and "p" in tokens[here].kind:
            here += 1
        if (
            here + 1 < len(tokens)
            and tokens[here].kind[0] == "I"
            and tokens[here + 1].text == "."
            and touches(tokens, here)
        ):
            named[at] = (
                named[at]
                or at == 0
                or tokens[at - 1].text in ".:;,"
                or tokens[at - 1].low in ("en", "/")
                or tokens[at - 1].low in _NAME_CUES
            ) and tokens[at].low not in _CLOSINGS


def mark_surnames(tokens: Sequence[Token], named: list[bool], mode: str) -> None:
    """What follows a given name without a sign between is its family name: 'Sander Boer'."""
    for at in range(len(tokens) - 1):
        if not named[at]:
            continue
        if at > 0 and touches(tokens, at - 1) and "f" not in tokens[at].kind:
            named[at - 1] = named[at - 1] or _is_given(tokens[at - 1].kind)
        if tokens[at].low.rpartition("-")[2] in ("van", "de", "van't", "el", "ter"):
            here = at + 1
            while here + 1 < len(tokens) and here - at < 4 and "p" in tokens[here].kind:
                here += 1
            named[here] = named[here] or tokens[here].kind[0] in "ClUM"
        if touches(tokens, at) and tokens[at + 1].start > tokens[at].end:
            named[at + 1] = (
                named[at + 1]
                or _continues(tokens[at].kind, tokens[at + 1].kind, mode)
                or _is_dubbed(tokens, at)
                or _is_compound_family(tokens, at, mode)
            )


def _is_given(kind: str) -> bool:
    """Whether a word in front of a family name is a given name, also where it is a shop as well: 'dirk'."""
    return "f" in kind and kind[0] in "lCU" and not any(mark in kind for mark in "kdptgvm")


def _is_compound_family(tokens: Sequence[Token], at: int, mode: str) -> bool:
    """'wesley blokzijl haalt': in a text without capitals, two words in one that act behind a given name."""
    if mode != "l" or "f" not in tokens[at].kind or tokens[at + 1].kind != "le" or at + 2 >= len(tokens):
        return False
    return tokens[at + 2].low in _VERBS or tokens[at + 2].text == ","


def _is_dubbed(tokens: Sequence[Token], at: int) -> bool:
    """'Schele Willie' within a sentence, whatever word the second is."""
    return (
        tokens[at].low in _ADJECTIVES
        and tokens[at].kind[0] == "C"
        and not starts_sentence(tokens, at)
        and tokens[at + 1].kind[0] == "C"
        and not any(mark in tokens[at + 1].kind for mark in "kgvomtub")
    )


def _continues(name: str, kind: str, mode: str) -> bool:
    """Whether a word of this kind, behind a name of that kind, is its family name."""
    if not kind[0].isalpha() or any(mark in kind for mark in "gvomtpb"):
        return False
    is_unknown = not any(mark in kind for mark in "kdeq")
    if mode in "nw" and kind[0] == "C":
        return is_unknown or ("f" in name and ("s" in kind or "d" not in kind or "k" in kind))
    is_verb = mode == "n" and name[0] == "C" and kind[0] == "l" and "d" in kind  # 'Gianni post erover'
    return "f" in name and kind[0] in "lU" and "k" not in kind and ("s" in kind or is_unknown) and not is_verb


def mark_nicknames(reading: Reading, tokens: Sequence[Token], named: list[bool]) -> frozenset[str]:
    """What stands behind 'alias' or 'bijnaam' is a name, whatever word it is. Returns what stood there."""
    if _NICKNAME_WORDS.isdisjoint(reading.vocabulary):
        return frozenset()
    found: set[str] = set()
    starts = [token.start for token in tokens]
    matches = [*_NICKNAME.finditer(reading.lower), *_NICKNAMED.finditer(reading.lower)]
    for match in matches:
        start, end = match.span("value")
        value = match.group("value").split()
        if (
            value[-1] in _COMMON
            or value[-1] in _NO_NICKNAMES
            or (value[0] in _TITLES and value[0] not in _KIN)
        ):
            continue
        at = bisect_left(starts, start)
        while at < len(tokens) and tokens[at].start < end:
            if "p" not in tokens[at].kind and tokens[at].kind[0].isalpha():
                named[at] = True
                found.add(tokens[at].low)
                _mark_second(tokens, at + 1, named)
            at += 1
    return frozenset(found)


def _mark_second(tokens: Sequence[Token], at: int, named: list[bool]) -> None:
    """The second word of 'Dikke Leo' and 'Koos Kogel'."""
    if (
        at < len(tokens)
        and touches(tokens, at - 1)
        and tokens[at].kind[0].isalpha()
        and "k" not in tokens[at].kind
    ):
        named[at] = named[at] or tokens[at - 1].low in _ADJECTIVES or tokens[at].kind[0] == "C"


def _is_called(tokens: Sequence[Token], at: int) -> bool:
    """Whether a word that is a nickname elsewhere stands as a name here: without an article or a number."""
    before = tokens[at - 1] if at else None
    return before is None or not (before.low in _ARTICLES or before.kind[0] == "9")


def mark_known(
    tokens: Sequence[Token],
    scores: Sequence[float],
    named: list[bool],
    mode: str,
    nicknames: frozenset[str] = frozenset(),
) -> None:
    """Once a name, also where it stands in lower case, alone, possessive or mistyped."""
    known: dict[str, set[str]] = {}
    for at, token in enumerate(tokens):
        if named[at] and len(token.low) > 2 and len(known) < _KNOWN_LIMIT:
            for part in {base_form(token.low), *base_form(token.low).split("-")}:
                known.setdefault(part, set()).add(tokens[at - 1].low if at else "")
    if not known:
        return
    long = [name for name in known if len(name) > 4]
    for at, token in enumerate(tokens):
        if named[at] or not token.kind[0].isalpha() or len(token.low) < 3 or "p" in token.kind:
            continue
        base = base_form(token.low)
        fits = base if base in known else base[:-1] if base.endswith("s") and base[:-1] in known else ""
        if fits:
            is_word = "d" in token.kind or "k" in token.kind
            same_place = at > 0 and tokens[at - 1].low in known[fits] and tokens[at - 1].low not in (".", ",")
            as_name = token.kind[0] in "CUV" and mode == "n" and not starts_sentence(tokens, at)
            in_front = (
                token.kind[0] == "C"
                and at + 1 < len(tokens)
                and named[at + 1]
                and tokens[at + 1].kind[0] == "C"
                and touches(tokens, at)
            )  # 'Ais Pattiasina' begins a sentence
            named[at] = (
                not is_word
                or as_name
                or in_front
                or (base in nicknames and "k" not in token.kind and _is_called(tokens, at))
                or scores[at] > _POSSIBLE
                or (same_place and mode != "n")
            )
        elif (
            token.kind[0] in "lCUM"
            and "d" not in token.kind
            and "e" not in token.kind
            and "k" not in token.kind
            and len(base) > 4
        ):
            named[at] = any(is_mistyped(base, name) for name in long)
