"""The last look before sending: the reporter's own words with what will be hidden, and the answers."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from common.contracts.base import WireModel

from gateway.pages.asking import Asking
from gateway.pages.filled import ANSWER_PREFIX, INVITATION_FIELD, words_of
from gateway.pages.questions import ANONYMOUS
from gateway.rendering import Field

_MARKED = "OVERIG"  # what the reporter marked, or a text that took too long to read and is hidden whole
_DESCRIPTION = "/description"
_BY_NAME = frozenset({"name", "phone"})


class HiddenSpan(WireModel):
    """What intake would hide, in characters of the text."""

    start: int
    end: int
    type: str
    placeholder: str


class HiddenField(WireModel):
    """One field with what is hidden in it."""

    pointer: str
    spans: tuple[HiddenSpan, ...]


class HiddenWords(WireModel):
    """Intake's answer about words that are not sent yet."""

    fields: tuple[HiddenField, ...]
    is_doubtful: bool
    not_found: tuple[int, ...]


@dataclass(frozen=True)
class Piece:
    """A stretch of text; `kind` says in words what is hidden, empty for what stays."""

    text: str
    kind: str = ""


@dataclass(frozen=True)
class ShownText:
    """One field in the reporter's own words."""

    label: str
    pieces: tuple[Piece, ...]


@dataclass(frozen=True)
class Said:
    """A question and what was answered; `field` names where to change it."""

    field: str
    label: str
    answer: str


@dataclass(frozen=True)
class Checking:
    """What the page shows."""

    asking: Asking
    hidden: HiddenWords

    @property
    def story(self) -> ShownText:
        """The description; of all texts only this one may be read without the key, with the pieces hidden."""
        return self._shown(_DESCRIPTION)

    @property
    def others(self) -> tuple[ShownText, ...]:
        """The other texts, which are sealed as a whole."""
        pointers = [each.pointer for each in self.hidden.fields if each.pointer != _DESCRIPTION]
        return tuple(self._shown(pointer) for pointer in pointers)

    @property
    def counts(self) -> list[tuple[str, int]]:
        """How often each kind is hidden in the description."""
        return list(Counter(piece.kind for piece in self.story.pieces if piece.kind).items())

    @property
    def not_found(self) -> list[str]:
        """The reporter's marks that stand nowhere in the text."""
        hide = self.asking.filled.hide
        return [hide[place] for place in self.hidden.not_found if place < len(hide)]

    @property
    def is_traceable(self) -> bool:
        """Did the reporter say that only few people know this?"""
        return self._given.get("herleidbaar") == "ja"

    @property
    def mode(self) -> str:
        """How the reporter stands behind the report; empty when that is not asked."""
        return self.asking.filled.mode(self.asking.kind, self.asking.forms)

    @property
    def is_anonymous(self) -> bool:
        """Without a name?"""
        return self.mode == ANONYMOUS

    @property
    def answers(self) -> list[Said]:
        """What goes along besides the texts."""
        texts = {each.pointer.rpartition("/")[2] for each in self.hidden.fields}
        return [each for each in said_in(self.asking) if each.field.removeprefix(ANSWER_PREFIX) not in texts]

    @property
    def left_out(self) -> list[str]:
        """The questions whose answers do not go along, because they are not asked after the other answers."""
        names = self.asking.filled.left_out(self.asking.kind, self.asking.forms)
        labels = {field.name: field.label for section in self.asking.sections for field in section.fields}
        return [labels[name] for name in names if name in labels]

    @property
    def _given(self) -> Mapping[str, str | tuple[str, ...]]:
        return self.asking.filled.given(self.asking.kind, self.asking.forms)

    def _shown(self, pointer: str) -> ShownText:
        text = _text_at(words_of(self.asking.filled, self.asking.kind, self.asking.forms), pointer)
        spans = next((each.spans for each in self.hidden.fields if each.pointer == pointer), ())
        pieces, at = [], 0
        for span in spans:
            pieces += [
                Piece(text[at : span.start]),
                Piece(text[span.start : span.end], self._kind(span.type)),
            ]
            at = span.end
        pieces.append(Piece(text[at:]))
        return ShownText(self._label(pointer), tuple(piece for piece in pieces if piece.text))

    def _kind(self, code: str) -> str:
        catalogue = self.asking.words.catalogue
        key = f"report.check.kind.{code.lower()}"
        is_known = catalogue.has(key) and (code != _MARKED or self.asking.filled.hide)
        return str(catalogue.text(key if is_known else "report.check.kind.anders"))

    def _label(self, pointer: str) -> str:
        name = pointer.rpartition("/")[2]
        wanted = {name, ANSWER_PREFIX + name} if pointer.startswith("/answers/") else {name}
        fields = (field for section in self.asking.sections for field in section.fields)
        return next((field.label for field in fields if field.name in wanted), name)


def said_in(asking: Asking) -> list[Said]:
    """Everything that was filled in and goes along, in the order of the form."""
    given = asking.filled.given(asking.kind, asking.forms)
    is_anonymous = asking.filled.mode(asking.kind, asking.forms) == ANONYMOUS
    rows = []
    for field in (field for section in asking.sections for field in section.fields):
        if field.name == INVITATION_FIELD or (is_anonymous and field.name in _BY_NAME):
            continue
        value = given.get(field.name.removeprefix(ANSWER_PREFIX), "") if _is_answer(field) else field.value
        words = {option.value: option.label for option in field.options if option.value}
        values = [value] if isinstance(value, str) else list(value)
        if said := ", ".join(words.get(each, each) for each in values if each.strip()):
            rows.append(Said(field.name, field.label, said))
    return rows


def _is_answer(field: Field) -> bool:
    return field.name.startswith(ANSWER_PREFIX)


def _text_at(words: Mapping[str, Any], pointer: str) -> str:
    if pointer.startswith("/answers/"):
        return str(words["answers"].get(pointer.removeprefix("/answers/"), ""))
    return str(words.get(pointer.removeprefix("/"), ""))
