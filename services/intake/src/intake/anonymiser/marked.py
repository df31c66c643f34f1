"""What a reporter marks to be hidden besides: found wherever it occurs, however it is written there."""

import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from intake.anonymiser.patience import Patience
from intake.anonymiser.span import Span

OTHER = "OVERIG"
_UNSEEN = frozenset({"Mn", "Me", "Cf"})  # accents of their own, and characters of no width
_WHOLE_WORD_BELOW = 4
_MOST_OF_ONE = 4  # a character that stands for more, as U+FDFA for 18, stays itself: a text must not swell


def missing(text: str, phrases: Sequence[str], patience: Patience | None = None) -> list[int]:
    """Which phrases, by place from 0, occur nowhere in the text. Raises `OutOfTime`."""
    folded, patience = _Folded(text), patience or Patience()
    words = folded.words()
    wanted = [_wanted(phrase) for phrase in phrases]
    is_there: dict[str, bool] = {}
    for each in dict.fromkeys(wanted):
        patience.check()
        is_there[each] = any(True for _ in _of(each, folded, words))
    return [place for place, each in enumerate(wanted) if not is_there[each]]


def with_marked(text: str, spans: Sequence[Span], phrases: Iterable[str], patience: Patience) -> list[Span]:
    """The spans (sorted, apart) with one more for each place where a phrase stands that no span covers.

    Case, accents and white space do not count. A phrase of four characters or more is found within words
    too, and then hides the whole word; a shorter one only as words of its own. Linear in the text for each
    phrase that is another one without case and accents. Raises `OutOfTime`.
    """
    folded = _Folded(text)
    pieces = _without(_united(_hits(folded, phrases, patience)), spans)
    marked = []
    for start, end in pieces:
        patience.check()
        kept = _trimmed(text, start, end)
        if kept is not None:
            key = _Folded(text[kept[0] : kept[1]]).text.strip()
            marked.append(Span(kept[0], kept[1], OTHER, key))
    return sorted([*spans, *marked], key=lambda span: span.start)


@dataclass(frozen=True)
class _Word:
    """Where the word of a character begins and ends; of one that is in no word, the character itself."""

    start: int
    end: int


class _Folded:
    """A text in lower case without accents, its white space as single spaces; knows where each came from."""

    def __init__(self, text: str) -> None:
        characters: list[str] = []
        self._places: list[int] = []
        for place, character in enumerate(text):
            for each in _plain(character):
                if each != " " or characters[-1:] != [" "]:
                    characters.append(each)
                    self._places.append(place)
        self.text = "".join(characters)
        self._places.append(len(text))

    def words(self) -> list[_Word]:
        """The word of each character."""
        found: list[_Word] = []
        at = 0
        while at < len(self.text):
            end = at + 1
            if self.text[at].isalnum():
                while end < len(self.text) and self.text[end].isalnum():
                    end += 1
            found += [_Word(at, end)] * (end - at)
            at = end
        return found

    def origin(self, start: int, end: int) -> tuple[int, int]:
        """The place of ``self.text[start:end]`` in the text itself, with marks that stand on its end."""
        return self._places[start], self._places[end]


def _plain(character: str) -> str:
    if character.isspace():
        return " "
    if character.isascii():
        return character.lower()
    decomposed = unicodedata.normalize("NFKD", character)
    if len(decomposed) > _MOST_OF_ONE:
        return character.lower()
    return "".join(each for each in decomposed if unicodedata.category(each) not in _UNSEEN).lower()


def _hits(folded: _Folded, phrases: Iterable[str], patience: Patience) -> Iterator[tuple[int, int]]:
    words = folded.words()
    for wanted in dict.fromkeys(map(_wanted, phrases)):
        patience.check()
        yield from _of(wanted, folded, words)


def _wanted(phrase: str) -> str:
    """What is looked for: the same for all ways to write a phrase."""
    return _Folded(phrase).text.strip()


def _of(wanted: str, folded: _Folded, words: Sequence[_Word]) -> Iterator[tuple[int, int]]:
    at = folded.text.find(wanted) if wanted else -1
    while at >= 0:
        end = at + len(wanted)
        first, last = words[at], words[end - 1]
        if len(wanted) >= _WHOLE_WORD_BELOW or (first.start, last.end) == (at, end):
            yield folded.origin(first.start, last.end)
        at = folded.text.find(wanted, max(last.end, at + 1))


def _united(hits: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
    united: list[tuple[int, int]] = []
    for start, end in sorted(hits):
        if united and start < united[-1][1]:
            united[-1] = (united[-1][0], max(end, united[-1][1]))
        else:
            united.append((start, end))
    return united


def _without(hits: Sequence[tuple[int, int]], spans: Sequence[Span]) -> Iterator[tuple[int, int]]:
    """What of the hits no span covers; both are sorted and apart."""
    edges = [(0, 0), *((span.start, span.end) for span in spans), (1 << 60, 1 << 60)]
    gaps = [(left[1], right[0]) for left, right in pairwise(edges)]
    at = 0
    for start, end in hits:
        while gaps[at][1] <= start:
            at += 1
        here = at
        while here < len(gaps) and gaps[here][0] < end:
            piece = max(start, gaps[here][0]), min(end, gaps[here][1])
            if piece[0] < piece[1]:
                yield piece
            here += 1


def _trimmed(text: str, start: int, end: int) -> tuple[int, int] | None:
    """Without white space and punctuation at either end; None when nothing else is there."""
    while start < end and not text[start].isalnum():
        start += 1
    while start < end and not (text[end - 1].isalnum() or unicodedata.category(text[end - 1]) in _UNSEEN):
        end -= 1
    return (start, end) if start < end else None
