"""Person names in Dutch prose: lists, cue words, particles and what a report itself gives away.

One pass over the tokens, then one pass that finds known names again. The lists are Faker's (MIT, see lists/).
"""

import re
import tomllib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files

from intake.anonymiser.span import Span

_TOKEN = re.compile(r"[^\W\d_](?:[^\W\d_]|['’-](?=[^\W\d_])){0,40}|\d+|[^\w\s]")
_WORDS = {
    name: frozenset(words.split())
    for name, words in tomllib.loads(
        files("intake.anonymiser").joinpath("lists/words.toml").read_text(encoding="utf-8")
    ).items()
}
_PARTICLES = _WORDS["particles"]
_TITLES = _WORDS["titles"]
_CUES = _WORDS["cues"]
_STRONG_CUES = _WORDS["strong_cues"]
_NICK_ADJECTIVES = _WORDS["nickname_adjectives"]
_ORDINARY = _WORDS["ordinary"]
_COMMON_LOWER = _WORDS["words_as_names"]
_MAX_INITIALS = 6
_MAX_PARTICLES = 4
_NICKNAME_CUES = (
    "wordt in de buurt",
    "noemt m",
    "noemt hem",
    "noemt ze",
    "noemen ze hem",
    "bijnaam is",
    "noemen hem",
    "noemen m",
    "bekend als",
    "bijnaam",
    "alias",
)


@dataclass(frozen=True)
class _Token:
    text: str
    start: int
    end: int

    @property
    def is_word(self) -> bool:
        return self.text[0].isalpha()

    @property
    def is_capitalised(self) -> bool:
        return self.text[0].isupper()


@lru_cache(maxsize=1)
def _lists() -> tuple[frozenset[str], frozenset[str]]:
    folder = files("intake.anonymiser").joinpath("lists")

    def read(name: str) -> frozenset[str]:
        lines = folder.joinpath(name).read_text(encoding="utf-8").splitlines()
        return frozenset(part.lower() for line in lines for part in re.split(r"[ ]", line) if len(part) > 1)

    particles = _PARTICLES | _ORDINARY
    first_names = read("first_names.txt") | _WORDS["given_names"]
    return first_names - particles, read("last_names.txt") - particles


def find_names(text: str, taken: Sequence[Span]) -> list[Span]:
    """Person names outside what is taken already; the same name has the same key."""
    covered = bytearray(len(text))
    for span in taken:
        covered[span.start : span.end] = b"\1" * (span.end - span.start)
    tokens = [
        _Token(match.group(), match.start(), match.end())
        for match in _TOKEN.finditer(text)
        if not covered[match.start()]
    ]
    found = list(_scan(tokens))
    found += _nicknames(text, covered)
    return _propagate(text, _without_overlap(found), covered)


def _scan(tokens: Sequence[_Token]) -> Iterable[Span]:
    first_names, last_names = _lists()
    at = 0
    while at < len(tokens):
        end = _name_at(tokens, at, first_names, last_names)
        if end > at:
            yield _span(tokens[at:end])
            at = end
        else:
            at += 1


def _name_at(
    tokens: Sequence[_Token], at: int, first_names: frozenset[str], last_names: frozenset[str]
) -> int:
    """Where the name that starts here ends, or `at` when none starts here."""
    token = tokens[at]
    if not token.is_word:
        return at
    word, before = token.text.lower(), _before(tokens, at)
    after_title = before in _TITLES
    after_cue = before in _CUES or (before == ":" and _before(tokens, at - 1) in _CUES)
    if word in _PARTICLES and after_title:
        return _after_particles(tokens, at)
    if word in _ORDINARY or word in _CUES or word in _TITLES:
        return at
    if _is_initial(tokens, at):
        return _after_initials(tokens, at, last_names)
    known = word in first_names and (token.is_capitalised or word not in _COMMON_LOWER)
    if known and not _starts_sentence_as_word(tokens, at, word):
        return _after_surname(tokens, at + 1, last_names)
    if word in _PARTICLES:
        return _after_particles(tokens, at) if after_cue and token.is_capitalised else at
    if after_title or (after_cue and (token.is_capitalised or before in _STRONG_CUES)):
        return _after_surname(tokens, at + 1, last_names)
    is_surname = word in last_names or _precedes_surname(tokens, at + 1, last_names)
    if token.is_capitalised and is_surname and not _starts_sentence(tokens, at):
        return _after_surname(tokens, at + 1, last_names)
    return at


def _precedes_surname(tokens: Sequence[_Token], at: int, last_names: frozenset[str]) -> bool:
    """An unknown capitalised word is a given name when particles and a known surname follow it."""
    words = [token.text.lower() for token in tokens[at : at + _MAX_PARTICLES]]
    particles = next((n for n, word in enumerate(words) if word not in _PARTICLES), len(words))
    return 0 < particles < len(words) and words[particles] in last_names


def _after_surname(tokens: Sequence[_Token], at: int, last_names: frozenset[str]) -> int:
    """Past particles, further names and hyphenated parts that follow a name."""
    end = at
    for _ in range(4):
        here = end
        while here < len(tokens) and tokens[here].text.lower().rstrip(".") in _PARTICLES and here - end < 3:
            here += 1
        if here >= len(tokens) or not tokens[here].is_word or _gap(tokens, end, here):
            break
        token, word = tokens[here], tokens[here].text.lower()
        joins = (
            word in last_names
            or (token.is_capitalised and word not in _ORDINARY)
            or (here > end and word not in _ORDINARY)
        )
        if not joins or (here == end and word in _ORDINARY):
            break
        end = here + 1
    return _past_reversed(tokens, end)


def _past_reversed(tokens: Sequence[_Token], end: int) -> int:
    """'Kaptein, Jan' and 'Kaptein, J.M.': the given name behind the comma belongs to it."""
    if end + 1 < len(tokens) and tokens[end].text == "," and tokens[end + 1].is_capitalised:
        first_names, _ = _lists()
        if tokens[end + 1].text.lower() in first_names:
            return end + 2
        if _is_initial(tokens, end + 1):
            at = end + 1
            last = min(len(tokens), at + 2 * _MAX_INITIALS)
            while at < last and len(tokens[at].text) == 1 and (tokens[at].is_word or tokens[at].text == "."):
                at += 1
            return at
    return end


def _gap(tokens: Sequence[_Token], end: int, here: int) -> bool:
    return here > 0 and tokens[here].start - tokens[here - 1].end > 1 and here == end


def _after_particles(tokens: Sequence[_Token], at: int) -> int:
    _, last_names = _lists()
    end = _after_surname(tokens, at, last_names)
    return max(at, end)


def _is_initial(tokens: Sequence[_Token], at: int) -> bool:
    token = tokens[at]
    following = tokens[at + 1] if at + 1 < len(tokens) else None
    if len(token.text) == 1 and following and following.text == "." and following.start == token.end:
        return True
    return (
        token.is_capitalised
        and token.text.isupper()
        and len(token.text) <= 2
        and bool(
            following
            and following.is_word
            and following.start == token.end + 1
            and (following.text[0].isupper() or following.text.lower() in _PARTICLES)
            and _before(tokens, at) in _CUES | _TITLES | {"getuige", "voor"}
        )
    )


def _after_initials(tokens: Sequence[_Token], at: int, last_names: frozenset[str]) -> int:
    here = at
    for _ in range(_MAX_INITIALS):
        if here + 1 >= len(tokens) or len(tokens[here].text) > 2 or not tokens[here].is_word:
            break
        here += 1
        while here < len(tokens) and tokens[here].text == "." and tokens[here].start == tokens[here - 1].end:
            here += 1
        if here < len(tokens) and tokens[here].start - tokens[here - 1].end > 1:
            break
    start = here
    while here < len(tokens) and here - start < _MAX_PARTICLES and tokens[here].text.lower() in _PARTICLES:
        here += 1
    if here >= len(tokens) or not tokens[here].is_word:
        return at
    word = tokens[here].text.lower()
    if word in _ORDINARY or not (tokens[here].is_capitalised or word in last_names):
        return at
    return _after_surname(tokens, start, last_names)


def _starts_sentence(tokens: Sequence[_Token], at: int) -> bool:
    return at == 0 or tokens[at - 1].text in ".!?"


def _starts_sentence_as_word(tokens: Sequence[_Token], at: int, word: str) -> bool:
    return _starts_sentence(tokens, at) and word in _COMMON_LOWER


def _before(tokens: Sequence[_Token], at: int) -> str:
    for token in reversed(tokens[max(0, at - 2) : at]):
        if token.text != ".":
            return token.text.lower()
    return ""


def _nicknames(text: str, covered: bytearray) -> Iterable[Span]:
    lowered = text.lower()
    for cue in _NICKNAME_CUES:
        at = lowered.find(cue)
        while at != -1:
            match = _NICK.match(text, at + len(cue))
            if match and not covered[match.start("value")]:
                words = match.group("value").split()
                kept = words[:2] if words[0].lower() in _NICK_ADJECTIVES else words[:1]
                end = match.start("value") + len(" ".join(kept))
                if kept[0].lower() not in _ORDINARY and end <= len(text):
                    yield Span(match.start("value"), end, "PERSOON", " ".join(kept).lower())
            at = lowered.find(cue, at + 1)


_NICK = re.compile(r"[\s:]{1,2}[\"'‘“]?(?P<value>[^\W\d_][\w'-]{1,20}(?: [^\W\d_][\w'-]{1,20})?)")


def _span(tokens: Sequence[_Token]) -> Span:
    words = [token.text.lower() for token in tokens if token.is_word]
    return Span(tokens[0].start, tokens[-1].end, "PERSOON", " ".join(words))


def _without_overlap(spans: Iterable[Span]) -> list[Span]:
    kept: list[Span] = []
    for span in sorted(spans, key=lambda each: (each.start, -each.end)):
        if not kept or span.start >= kept[-1].end:
            kept.append(span)
    return kept


def _propagate(text: str, found: list[Span], covered: bytearray) -> list[Span]:
    """Find the distinctive parts of found names again, wherever they stand."""
    for span in found:
        covered[span.start : span.end] = b"\1" * (span.end - span.start)
    parts = {
        word
        for span in found
        for word in re.findall(r"[^\W\d_]{4,}", span.key)
        if word not in _ORDINARY and word not in _PARTICLES
    }
    again = [
        Span(match.start(), match.end(), "PERSOON", match.group().lower())
        for match in re.finditer(r"[^\W\d_]{4,40}", text)
        if match.group().lower() in parts and not covered[match.start()]
    ]
    return _linked(sorted([*found, *again], key=lambda each: each.start))


def _linked(spans: list[Span]) -> list[Span]:
    """Give 'Jan', 'Jan Kaptein' and 'Kaptein' one key when only one longer name has that part."""
    full = {span.key for span in spans if " " in span.key}
    linked = []
    for span in spans:
        owners = [name for name in full if span.key != name and span.key in name.split()]
        key = owners[0] if len(owners) == 1 else span.key
        linked.append(Span(span.start, span.end, span.type, key))
    return linked
