"""Which words of a text belong to somebody's name: a linear model over the words around each candidate.

The weights come from ``services/intake/training/anonymiser`` (``make anonymiser-model``). Ordinary words are
never scored, so the cost is a few microseconds per word that could be a name.
"""

import gzip
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from importlib.resources import files
from math import exp
from typing import NamedTuple

from intake.anonymiser.lexicon import is_dutch_word, is_first_name, is_last_name, is_listed_word, words
from intake.anonymiser.span import Span

_TOKEN = re.compile(r"['’][tsnTSN](?!\w)|[^\W\d_]+(?:['’-][^\W\d_]+)*|\d+|[^\w\s]|_|\n")
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
_VERBS = words("verbs")
_NICK_CUES = words("nickname_cues")
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


@lru_cache(maxsize=20_000)
def base_form(low: str) -> str:
    """A lower-case word without the mark of a possessive: "mo's" is 'mo'."""
    return _FAMILY_S.sub("", low)


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


@lru_cache(maxsize=30_000)
def _lists_of(low: str) -> str:
    """Letters for the lists that a lower-case word is on; of a double name, what any part is on."""
    base = base_form(low)
    parts = base.split("-")
    if (
        len(parts) > 1
        and is_dutch_word(parts[-1])
        and not (is_first_name(parts[0]) or is_last_name(parts[0]))
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


@lru_cache(maxsize=30_000)
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


@lru_cache(maxsize=30_000)
def _seen(low: str) -> str:
    """What the model sees of a word's identity: ordinary words as they are, others only their ending."""
    if low in _COMMON or low in _TITLES or low in _PARTICLES or is_listed_word(low):
        return low
    return "~" + low[-3:]


def tokens_of(text: str, lower: str, taken: Sequence[Span]) -> list[Token]:
    """All tokens; what was recognised before stands as one."""
    result: list[Token] = []
    spans = iter(taken)
    span = next(spans, None)
    for match in _TOKEN.finditer(text):
        start, end = match.span()
        while span is not None and span.end <= start:
            span = next(spans, None)
        if span is not None and span.start < end:
            if not result or result[-1].start != span.start:
                mark = f"<{span.type}>"
                result.append(Token(text[span.start : span.end], mark, span.start, span.end, mark, mark))
            continue
        low = lower[start:end]
        result.append(Token(match.group(), low, start, end, word_kind(match.group()), _seen(low)))
    return result


def is_candidate(tokens: Sequence[Token], at: int, mode: str) -> bool:
    """Whether this word could be (part of) a name at all; the model judges only these."""
    kind = tokens[at].kind
    if kind[0] not in "ClUVM" or "p" in kind or "t" in kind:
        return False
    listed = "f" in kind or "s" in kind
    if ("v" in kind and "f" not in kind) or (not listed and any(mark in kind for mark in "gomub")):
        return False
    if "k" in kind:
        return kind[0] in "CM" and at > 0 and _near_nickname_cue(tokens, at)
    if not listed and _is_shortened(tokens, at, mode):
        return False
    if kind[0] == "l":
        plain = ("d" in kind or "e" in kind) and not listed
        return _near_nickname_cue(tokens, at) if plain else not any(mark in kind for mark in "umo")
    if "e" in kind and not listed:
        return _near_nickname_cue(tokens, at)
    if "d" in kind and not listed and (at == 0 or tokens[at - 1].text in ".!?:"):
        acts = at + 1 < len(tokens) and tokens[at + 1].low in _VERBS
        return acts or _near_nickname_cue(tokens, at)
    return True


def _is_shortened(tokens: Sequence[Token], at: int, mode: str) -> bool:
    """'kWh', 'ID-kaart', 'Ingeschr.' and 'APK': no name is written so."""
    token, kind = tokens[at], tokens[at].kind
    follower = tokens[at + 1].text if at + 1 < len(tokens) else ""
    if (kind[0] == "M" and token.text[0].islower()) or ("e" in kind and "-" in token.text):
        return True
    if kind[0] in "VU" and mode in "nw" and follower != ",":
        return True
    return follower == "." and _is_abbreviation(tokens, at)


def _is_abbreviation(tokens: Sequence[Token], at: int) -> bool:
    """'Ingeschr.: ' and 'verd. is': a full stop right behind, and no new sentence."""
    stop = tokens[at + 1]
    if stop.start != tokens[at].end or at + 2 >= len(tokens):
        return False
    following = tokens[at + 2]
    return (
        following.text in ":,;"
        or following.kind[0] in "l<9i"
        or (following.start == stop.end and following.text != ".")
    )


def _near_nickname_cue(tokens: Sequence[Token], at: int) -> bool:
    return any(tokens[n].low in _NICK_CUES for n in range(max(0, at - 4), min(len(tokens), at + 4)))


_OUTSIDE = Token("", "^", -1, -1, "^", "^")


def features(tokens: Sequence[Token], at: int, mode: str, previous: str, kind: str = "") -> Iterator[str]:
    """What the model sees of the word at `at`; `previous` is the label before it."""
    count = len(tokens)
    b2 = tokens[at - 2] if at > 1 else _OUTSIDE
    b1 = tokens[at - 1] if at > 0 else _OUTSIDE
    a1 = tokens[at + 1] if at + 1 < count else _OUTSIDE
    a2 = tokens[at + 2] if at + 2 < count else _OUTSIDE
    token = tokens[at]
    k = kind or token.kind
    kb, ka, kb2 = b1.kind, a1.kind, b2.kind
    wb, wa, wb2, wa2 = b1.seen, a1.seen, b2.seen, a2.seen
    mk = mode + k
    yield "k" + mk
    yield "w" + (token.seen if "d" in k or "k" in k else "?" + k)
    yield "z" + token.low[-3:] + mode + k[0]
    yield "y" + token.low[-2:] + k[0]
    yield "l" + previous + k
    yield "B" + wb + "|" + k
    yield "b" + wb
    yield "A" + wa + "|" + k
    yield "a" + wa
    yield "C" + wb2 + "|" + wb + "|" + k[0]
    yield "D" + wa + "|" + wa2 + "|" + k[0]
    yield "E" + wb + "|" + k[0] + "|" + wa
    yield "c" + wb2
    yield "d" + wa2
    yield "g" + kb + "|" + mk
    yield "h" + mk + "|" + ka
    yield "i" + kb2 + "|" + kb + "|" + k
    yield "j" + kb + "|" + k + "|" + ka
    yield "m" + k + "|" + ka + "|" + a2.kind


_WEIGHTS_FILE = "model/weights.json.gz"


@lru_cache(maxsize=1)
def weights() -> Mapping[str, float]:
    """The trained weights by feature."""
    packed = files("intake.anonymiser").joinpath(_WEIGHTS_FILE).read_bytes()
    loaded: dict[str, float] = json.loads(gzip.decompress(packed))
    return loaded


def probability(score: float) -> float:
    """The logistic function, bounded."""
    return 1.0 / (1.0 + exp(-max(-30.0, min(30.0, score))))


def score_names(tokens: Sequence[Token], mode: str) -> list[float]:
    """For each token the probability that it belongs to a name; 0 for what is no candidate."""
    get = weights().get
    scores = [0.0] * len(tokens)
    previous = "O"
    for at, token in enumerate(tokens):
        if is_candidate(tokens, at, mode):
            score = 0.0
            for feature in features(tokens, at, mode, previous):
                score += get(feature, 0.0)
            scores[at] = probability(score)
            previous = "N" if score > 0 else "O"
        elif "p" not in token.kind and token.low not in ".-":
            previous = "O"
    return scores


def particle_features(tokens: Sequence[Token], first: int, name: int, before: str) -> Iterator[str]:
    """What decides whether ``tokens[first:name]`` belong to the name; `before` is the label in front."""
    run = "_".join(token.low for token in tokens[first:name])
    front = tokens[first - 1] if first > 0 else _OUTSIDE
    capital = tokens[first].text[0].isupper()
    kind = tokens[name].kind
    yield "P" + run
    yield "Q" + run + "|" + kind
    yield f"R{run}|{capital}|{before}"
    yield "S" + front.seen
    yield "T" + front.seen + "|" + run
    yield f"U{front.kind}|{capital}|{kind}"
    yield f"V{before}|{kind}"
    yield "W" + front.kind


def score_particles(tokens: Sequence[Token], first: int, name: int, before: str) -> float:
    """The probability that the particles in front of a name belong to it."""
    get = weights().get
    return probability(sum(get(feature, 0.0) for feature in particle_features(tokens, first, name, before)))


def mode_of(tokens: Sequence[Token]) -> str:
    """How far capitals can be trusted: n as usual, w now and then, l none at all, u everywhere."""
    shapes = [token.kind[0] for token in tokens if token.kind[0].isalpha()]
    capitals = len(shapes) - shapes.count("l") - shapes.count("i")
    if capitals == 0:
        return "l"
    if shapes.count("C") + shapes.count("l") < 0.3 * len(shapes):
        return "u"
    return "w" if shapes[0] == "l" else "n"
