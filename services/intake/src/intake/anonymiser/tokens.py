"""The tokens of a text, and what the lists and its shape say of each word."""

import re
from collections.abc import Iterable, Sequence
from sys import maxsize
from typing import NamedTuple

from intake.anonymiser.lexicon import (
    is_dutch_word,
    is_first_name,
    is_last_name,
    is_listed,
    is_listed_word,
    words,
)
from intake.anonymiser.reading import Reading
from intake.anonymiser.span import Span
from intake.anonymiser.structured.streets import ends_as_street, find_streets

#: Words, numbers, signs and line ends; with the blanks between them they make up the whole text.
_PIECE = re.compile(
    r"[Vv](?:\.[Dd]\.?|/[Dd])(?![^\W_])|[^\W\d_]+(?:['’-][^\W\d_]+)*|[^\S\n]+|\d+|['’][tsnTSN](?!\w)|.",
    re.DOTALL,
)
_COMMON, _PARTICLES, _TITLES = words("common"), words("particles"), words("titles")
_PLACES, _MAKES, _ORGANISATIONS, _CALENDAR = (
    words("places"),
    words("makes"),
    words("organisations"),
    words("calendar"),
)
_ROLES, _BUSINESSES = words("roles"), words("businesses")
#: Given names that dictionaries list but nobody uses as a word.
_ONLY_NAMES = words("given_names") - words("words_as_names") - words("common")
_MARKED = (
    ("p", _PARTICLES),
    ("t", _TITLES),
    ("g", _PLACES),
    ("v", _MAKES),
    ("o", _ORGANISATIONS),
    ("m", _CALENDAR),
    ("u", _ROLES),
    ("b", _BUSINESSES),
)
_AREAS = ("buurt", "wijk", "kwartier", "polder", "park", "plein", "eiland", "haven")
_TRADES = (
    "shop",
    "winkel",
    "bedrijf",
    "zaak",
    "handel",
    "service",
    "salon",
    "wasserette",
    "groep",
    "werken",
    "bouw",
    "beheer",
    "bureau",
    "lounge",
    "kantoor",
    "centrum",
    "makelaars",
    "stichting",
    "vereniging",
    "dagblad",
    "courant",
    "corporatie",
    "school",
    "college",
    "museum",
    "theater",
    "ziekenhuis",
)
_FAMILY_S = re.compile(r"['’]s$|['’]$|['’]tje$")


class Token(NamedTuple):
    """A word, number or sign, or a whole span recognised before; `kind` says what is known of it."""

    text: str
    low: str
    start: int
    end: int
    kind: str
    seen: str
    chance: int


#: Whether a word can be in a name: never, only where nicknames are spoken of, or as its neighbours say.
NEVER, AS_NICKNAME, MAYBE = 0, 1, 2


def base_form(low: str) -> str:
    """A lower-case word without the mark of a possessive: "mo's" is 'mo'."""
    return _FAMILY_S.sub("", low) if "'" in low or "’" in low else low


_PARTICIPLE = re.compile(
    r"(?:aan|af|op|uit|in|mee|weg|terug|neer|om|over|toe|binnen|dicht|los|vast|rond|leeg)?(?:ge|be|ver|ont)[a-zë]{3,12}(?:d|t|en|de|te)$"
)


def _is_near_dutch(word: str) -> bool:
    """A Dutch word with two letters swapped or one too many: a typing error rather than a name."""
    if not 3 < len(word) < 20:
        return False
    swapped = (word[:n] + word[n + 1] + word[n] + word[n + 2 :] for n in range(len(word) - 1))
    shorter = (word[:n] + word[n + 1 :] for n in range(len(word)) if len(word) > 4)
    return any(map(is_listed_word, swapped)) or any(map(is_listed_word, shorter))


def _lists_of(low: str) -> str:
    """Letters for the lists that a lower-case word is on; of a double name, what any part is on."""
    base = base_form(low)
    parts = base.split("-")
    while len(parts) > 1 and parts[-1] in _PARTICLES:
        parts.pop()  # 'khattabi-van' of 'El Khattabi-van de Ven'
    if (
        len(parts) > 1
        and is_dutch_word(parts[-1])
        and not (is_first_name(parts[0]) or is_last_name(parts[0]))
        and (is_dutch_word(parts[0]) or not is_last_name(parts[-1]))
    ):
        return "e"
    marks = "f" if any(map(is_first_name, parts)) or (base[-1:] == "s" and is_first_name(base[:-1])) else ""
    marks += "s" if any(map(is_last_name, parts)) else ""
    marks += _word_mark(base, bool(marks))
    if base.endswith(_TRADES) and len(base) > 8:
        marks += "b"
    if base.endswith(_AREAS) and len(base) > 6 and "s" not in marks:
        marks = marks.replace("f", "") + "g"
    return marks + "".join(mark for mark, names in _MARKED if base in names)


def _word_mark(base: str, is_name: bool) -> str:
    if base in _COMMON:
        return "k"
    if base in _ONLY_NAMES:
        return ""
    if is_listed_word(base):
        return "d"
    if is_dutch_word(base) or (not is_name and _PARTICIPLE.match(base)):
        return "e"
    return "q" if not is_name and _is_near_dutch(base) else ""


def word_kind(text: str) -> str:
    """The shape of a word and the lists it is on."""
    if text[0] in "'’" and len(text) == 2:
        return "lp" if text[1] in "tT" else "l"
    if not text[0].isalpha():
        return "9" if text[0].isdigit() else text
    if len(text) == 1:
        shape = "I" if text.isupper() else "i"
    elif text.islower():
        shape = "l"
    elif text.isupper():
        shape = "V" if len(text) <= 3 else "U"
    else:
        shape = "C" if text[0].isupper() else "M"
    return shape + _lists_of(text.lower())


def _seen(low: str) -> str:
    """What the model sees of a word's identity: ordinary words as they are, others only their ending."""
    if low in _COMMON or low in _TITLES or low in _PARTICLES or is_listed_word(low):
        return low
    return "~" + low[-3:]


_Look = tuple[str, str, int, bool]
#: Only words of the lists, and signs: what a reporter wrote and nobody else is not kept.
_looks: dict[str, _Look] = {}
_LOOKS_LIMIT = 30_000


def _look_of(text: str, low: str) -> _Look:
    """Of a word: its kind, what the model sees of it, its chance, and whether it ends as streets do."""
    look = _looks.get(text)
    if look is not None:
        return look
    if text[0].isdigit():
        return "9", "~" + low[-3:], NEVER, False
    kind = word_kind(text)
    look = (kind, _seen(low), chance_of(kind), ends_as_street(low))
    if len(_looks) < _LOOKS_LIMIT and (len(text) < 3 or is_listed(low)):
        _looks[text] = look
    return look


def read_tokens(reading: Reading, taken: Sequence[Span]) -> list[Token]:
    """The tokens as the model reads them: recognised spans and streets stand as one token each."""
    tokens, ends = _tokens_of(reading, taken)
    if not ends:
        return tokens
    streets = find_streets(reading, [tokens[at].start for at in ends])
    return _merged(tokens, reading.text, streets)


def _merged(tokens: list[Token], text: str, spans: Iterable[tuple[int, int]]) -> list[Token]:
    """With one token in the place of those that a street shares a letter with."""
    result: list[Token] = []
    at = 0
    for start, end in spans:
        first = at
        while at < len(tokens) and tokens[at].end <= start:
            at += 1
        result += tokens[first:at]
        result.append(Token(text[start:end], _STREET, start, end, _STREET, _STREET, NEVER))
        while at < len(tokens) and tokens[at].start < end:
            at += 1
    return result + tokens[at:]


def _tokens_of(reading: Reading, taken: Sequence[Span]) -> tuple[list[Token], list[int]]:
    """All tokens, what was recognised before as one, and which of them end as streets do."""
    text, lower = reading.text, reading.lower
    result: list[Token] = []
    ends: list[int] = []
    spans = iter([*taken, _NO_SPAN])
    span = next(spans)
    end = 0
    for piece in _PIECE.findall(text):
        start, end = end, end + len(piece)
        if piece[0] in " \t\r\xa0" or (piece != "\n" and piece.isspace()):
            continue
        while span.end <= start:
            span = next(spans)
        if span.start < end:
            if not result or result[-1].start != span.start:
                mark = f"<{span.type}>"
                whole = text[span.start : span.end]
                result.append(Token(whole, mark, span.start, span.end, mark, mark, NEVER))
            continue
        low = lower[start:end]
        kind, seen, chance, is_end = _look_of(piece, low)
        if is_end:
            ends.append(len(result))
        result.append(_new(Token, (piece, low, start, end, kind, seen, chance)))
    return result, ends


_STREET = "<STRAAT>"
_new = tuple.__new__  # a named tuple of known fields, in half the time
_NO_SPAN = Span(maxsize, maxsize, "", "")


def chance_of(kind: str) -> int:
    """What the kind of a word alone says of its chance of being (part of) a name."""
    if kind[0] not in "ClUVM" or "p" in kind or "t" in kind:
        return NEVER
    listed = "f" in kind or "s" in kind
    if ("v" in kind and "f" not in kind) or (not listed and any(mark in kind for mark in "gomub")):
        return NEVER
    if "k" in kind:
        return AS_NICKNAME if kind[0] in "CM" else NEVER
    if kind[0] == "l" and listed:
        return NEVER if any(mark in kind for mark in "umo") else MAYBE
    if "e" in kind or (kind[0] == "l" and "d" in kind):
        return MAYBE if listed else AS_NICKNAME
    return MAYBE


def mode_of(tokens: Sequence[Token]) -> str:
    """How far capitals can be trusted: n as usual, w now and then, l none at all, u everywhere."""
    shapes = [token.kind[0] for token in tokens if token.kind[0].isalpha()]
    capitals = len(shapes) - shapes.count("l") - shapes.count("i")
    if capitals == 0:
        return "l"
    if shapes.count("C") + shapes.count("l") < 0.3 * len(shapes):
        return "u"
    return "w" if shapes[0] == "l" else "n"
