"""Which words that were left may be names after all: a second model sees what stands around a word.

What the first model misses is mostly an ordinary word ("roos", "de neus"), so this one looks at no more of
the word than its case and last two letters. It hides nothing; it makes a report doubtful.
"""

from collections.abc import Iterator, Sequence

from intake.anonymiser.tagging import probability, weights
from intake.anonymiser.tokens import Token

WEIGHTS_FILE = "doubts.json.gz"
#: How likely a word must be a name to be doubted; without capitals to go by, sooner.
_LEAST, _LEAST_WITHOUT_CAPITALS = 0.65, 0.6
_NEVER = frozenset("kptgvomub")
_NAMED = "<N>"


def doubted(tokens: Sequence[Token], named: Sequence[bool], mode: str) -> list[int]:
    """Where in the text a word starts that was left and stands where names stand."""
    get = weights(WEIGHTS_FILE).get
    least = _LEAST if mode in "nw" else _LEAST_WITHOUT_CAPITALS
    places = left_words(tokens, named, mode)
    if not places:
        return []
    seen = seen_words(tokens, named)
    result = []
    for at in places:
        score = 0.0
        for feature in surroundings(tokens, seen, at, mode):
            score += get(feature, 0.0)
        if score > 0 and probability(score) >= least:
            result.append(tokens[at].start)
    return result


def seen_words(tokens: Sequence[Token], named: Sequence[bool]) -> list[str]:
    """What the model sees of each word, two places on; a name that was found is only that."""
    words = [_NAMED if is_name else token.seen for token, is_name in zip(tokens, named, strict=True)]
    return ["^", "^", *words, "^", "^"]


def left_words(tokens: Sequence[Token], named: Sequence[bool], mode: str) -> list[int]:
    """The words that were not taken for names and could be: where capitals are used, those with one."""
    shapes = "CUM" if mode in "nw" else "ClUVM"
    return [
        at
        for at, token in enumerate(tokens)
        if token.kind[0] in shapes
        and not named[at]
        and len(token.text) > 2
        and _NEVER.isdisjoint(token.kind[1:])
        and not (_is_of_trade(tokens, at - 1) or _is_of_trade(tokens, at + 1))
        and not (_ends_line(tokens, at - 1) and _ends_line(tokens, at + 1))
    ]


def _ends_line(tokens: Sequence[Token], at: int) -> bool:
    """Whether nothing stands there: of a line of one word the surroundings say nothing."""
    return not 0 <= at < len(tokens) or tokens[at].text == "\n"


def _is_of_trade(tokens: Sequence[Token], at: int) -> bool:
    return 0 <= at < len(tokens) and ("b" in tokens[at].kind[1:] or tokens[at].text == "&")


def surroundings(tokens: Sequence[Token], seen: Sequence[str], at: int, mode: str) -> Iterator[str]:
    """What the model sees of the word at `at`, of `seen_words`."""
    first, before, _, behind, last = seen[at : at + 5]
    shape = mode + tokens[at].kind[0]
    is_listed = "d" in tokens[at].kind or "e" in tokens[at].kind
    starts = before in ("^", ".", "\n", "!", "?", ":")
    yield "s" + shape
    yield f"b{before}|{shape}"
    yield f"a{behind}|{shape}"
    yield f"C{first}|{before}"
    yield f"D{behind}|{last}"
    yield f"E{before}|{behind}"
    yield "c" + first
    yield "d" + last
    yield f"x{shape}{is_listed:d}{starts:d}"
    yield "e" + tokens[at].low[-2:]
