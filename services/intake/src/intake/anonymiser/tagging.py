"""Which words of a text belong to somebody's name: a linear model over the words around each candidate.

The weights come from ``services/intake/training/anonymiser`` (``make anonymiser-model``). Ordinary words are
never scored, so the cost is a few microseconds per word that could be a name.
"""

import gzip
import json
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from importlib.resources import files
from math import exp

from intake.anonymiser.lexicon import words
from intake.anonymiser.tokens import AS_NICKNAME, MAYBE, NEVER, Token

_VERBS = words("verbs")
_NICK_CUES = words("nickname_cues")


def candidates(tokens: Sequence[Token], mode: str) -> list[int]:
    """Which words could be (part of) a name at all; the model judges only these."""
    near: set[int] = set()
    for at, token in enumerate(tokens):
        if token.low in _NICK_CUES:
            near.update(range(at - 3, at + 5))
    least = AS_NICKNAME if near else MAYBE
    return [
        at
        for at, token in enumerate(tokens)
        if token.chance >= least and _is_candidate(tokens, at, mode, at in near)
    ]


def _is_candidate(tokens: Sequence[Token], at: int, mode: str, is_near_cue: bool) -> bool:
    kind, chance = tokens[at].kind, tokens[at].chance
    if chance == AS_NICKNAME and not is_near_cue:
        return False
    if at > 0 and tokens[at - 1].low in ("'s", "’s") and ("k" in kind or "d" in kind):
        return False  # "'s Nachts" begins a sentence
    if at > 0 and tokens[at - 1].kind[0] == "9" and tokens[at - 1].end == tokens[at].start:
        return False  # 'Rent4You'
    if "k" in kind:
        return at > 0
    listed = "f" in kind or "s" in kind
    if not listed and _is_shortened(tokens, at, mode):
        return False
    if chance == AS_NICKNAME or kind[0] == "l":
        return True
    if "d" in kind and not listed and (at == 0 or tokens[at - 1].text in ".!?:"):
        acts = at + 1 < len(tokens) and tokens[at + 1].low in _VERBS
        return acts or is_near_cue
    return True


def _is_shortened(tokens: Sequence[Token], at: int, mode: str) -> bool:
    """'kWh', 'ID-kaart', 'Ingeschr.' and 'APK': no name is written so."""
    token, kind = tokens[at], tokens[at].kind
    follower = tokens[at + 1].text if at + 1 < len(tokens) else ""
    if (kind[0] == "M" and token.text[0].islower()) or ("e" in kind and "-" in token.text):
        return True
    if kind[0] in "VU" and mode in "nw" and follower != ",":
        return True
    if mode in "lw" and len(token.text) > 4:
        return False  # a sentence may begin in lower case
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


_OUTSIDE = Token("", "^", -1, -1, "^", "^", NEVER)


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


@lru_cache(maxsize=2)
def weights(name: str = "weights.json.gz") -> Mapping[str, float]:
    """The trained weights of a model by feature."""
    packed = files("intake.anonymiser").joinpath("model", name).read_bytes()
    # Equal weights are one number in memory.
    loaded: dict[str, float] = json.loads(gzip.decompress(packed), parse_float=lru_cache(maxsize=None)(float))
    return loaded


def probability(score: float) -> float:
    """The logistic function, bounded."""
    return 1.0 / (1.0 + exp(-max(-30.0, min(30.0, score))))


def score_names(tokens: Sequence[Token], mode: str) -> list[float]:
    """For each token the probability that it belongs to a name; 0 for what is no candidate."""
    get = weights().get
    scores = [0.0] * len(tokens)
    last, was_name = 0, False
    for at in candidates(tokens, mode):
        score = 0.0
        for feature in features(tokens, at, mode, "N" if was_name and joins(tokens, last + 1, at) else "O"):
            score += get(feature, 0.0)
        scores[at] = probability(score)
        last, was_name = at, score > 0
    return scores


def joins(tokens: Sequence[Token], first: int, end: int) -> bool:
    """Whether only particles, points and hyphens stand there."""
    return all("p" in token.kind or token.low in (".", "-") for token in tokens[first:end])


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
