"""Steps over tokens that the rules for names share."""

from collections.abc import Sequence

from intake.anonymiser.tokens import Token

_WORD_MARKS = frozenset("dktgvom")


def starts_sentence(tokens: Sequence[Token], at: int) -> bool:
    """Whether nothing stands in front, or the end of a sentence."""
    return at == 0 or tokens[at - 1].text in ".!?"


def is_mistyped(word: str, name: str) -> bool:
    """One letter more, less or other, or two swapped."""
    if word == name or abs(len(word) - len(name)) > 1 or word[0] != name[0]:
        return False
    head = 0
    while head < min(len(word), len(name)) and word[head] == name[head]:
        head += 1
    rest, other = word[head:], name[head:]
    if len(rest) == len(other):
        return rest[1:] == other[1:] or (rest[:2] == other[1::-1] and rest[2:] == other[2:])
    return rest[1:] == other if len(rest) > len(other) else rest == other[1:]


def touches(tokens: Sequence[Token], at: int) -> bool:
    """Whether the token and the next are one space apart at most."""
    return 0 <= tokens[at + 1].start - tokens[at].end <= 1


def initials_end(tokens: Sequence[Token], at: int) -> int:
    """Past a run of 'J.M.' or 'J M' from `at` on, of at most six letters."""
    last = min(len(tokens), at + 12)
    shapes = "IV" if at < last and tokens[at].kind[0] == "I" else "IiV"  # 'B.M. d.d. 4 juli'
    while (
        at < last and tokens[at].kind[0] in shapes and len(tokens[at].text) <= 3 and not is_word(tokens[at])
    ):
        at += 1
        while at < last and tokens[at].text == "." and tokens[at].start == tokens[at - 1].end:
            at += 1
    return at


def is_word(token: Token) -> bool:
    """Whether a token is an ordinary word, a place, a make or the like."""
    return not _WORD_MARKS.isdisjoint(token.kind[1:])
