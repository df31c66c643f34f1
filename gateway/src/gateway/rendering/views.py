"""The shapes that templates take: what a page needs to know, and nothing about how it looks."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

Kind = Literal[
    "text", "longtext", "choice", "choices", "select", "date", "number", "email", "tel", "password"
]


@dataclass(frozen=True)
class NavigationItem:
    """A link in the navigation; `key` names its text under `shared.navigation`."""

    key: str
    href: str
    is_current: bool = False
    count: int | None = None  # shown behind the name, as of new reports


@dataclass(frozen=True)
class Shell:
    """What stands around every page."""

    municipality: str  # the name as people know it: "Gemeente Waterdam"
    code: str = ""  # of the municipality, in every address
    language: str = "nl"
    navigation: tuple[NavigationItem, ...] = ()
    language_hrefs: tuple[tuple[str, str], ...] = ()  # (language, address of this page in it)
    viewer: str | None = None  # the signed-in person's display name
    csrf: str | None = None  # for every form that changes something


@dataclass(frozen=True)
class Crumb:
    """A step back up: the text and its address."""

    text: str
    href: str


@dataclass(frozen=True)
class Option:
    """One answer of a choice."""

    value: str
    label: str
    hint: str | None = None


@dataclass(frozen=True)
class Field:
    """One control of a form with what was filled in and what is wrong with it."""

    name: str
    label: str
    kind: Kind = "text"
    hint: str | None = None
    value: str | tuple[str, ...] = ""
    options: tuple[Option, ...] = ()
    is_required: bool = False
    has_focus: bool = False  # when the page opens
    is_filter: bool = False  # narrows a list: staying empty is no omission, so no label says "optional"
    error: str | None = None
    max_length: int | None = None
    autocomplete: str | None = None
    rows: int = 6
    condition: str | None = None  # when to answer, for who has no script
    show_when: str | None = None  # the same as JSON for script: the value that each named control must have

    @property
    def id(self) -> str:
        """The id of the control, which the error summary links to."""
        return f"field-{self.name}"

    @property
    def described_by(self) -> str:
        """The ids of hint, counter and error, in reading order; empty when there are none."""
        has = {"hint": self.hint, "count": self.max_length and self.kind == "longtext", "error": self.error}
        return " ".join(f"{self.id}-{part}" for part, present in has.items() if present)


@dataclass(frozen=True)
class Section:
    """A part of a form under one heading; `key` names its anchor."""

    key: str
    title: str
    fields: tuple[Field, ...]
    lead: str | None = None


@dataclass(frozen=True)
class Problem:
    """A line of the error summary: the sentence and the id of the control it is about."""

    text: str
    field_id: str | None = None


def problems_of(fields: Iterable[Field]) -> tuple[Problem, ...]:
    """The error summary of these fields, in their order; a choice is linked to its first option."""
    return tuple(
        Problem(field.error, f"{field.id}-1" if field.kind in {"choice", "choices"} else field.id)
        for field in fields
        if field.error
    )


@dataclass(frozen=True)
class Fact:
    """A name and a value in a list of facts."""

    name: str
    value: str
    href: str | None = None


@dataclass(frozen=True)
class Event:
    """A moment in a timeline, newest first or oldest first as the page gives them."""

    title: str
    at: datetime
    by: str | None = None
    text: str | None = None
    is_now: bool = False


@dataclass(frozen=True)
class Page:
    """Where a reader is in a list: addresses of the neighbours and what is shown of the whole."""

    first: int
    last: int
    total: int
    previous_href: str | None = None
    next_href: str | None = None
