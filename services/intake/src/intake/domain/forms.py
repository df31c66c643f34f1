"""What a municipality asks: signal types, questions, and when what is urgent."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

URGENCIES = ("acuut", "hoog", "normaal", "laag")
MANY_OPTIONS = 8  # more are better chosen from a list
YES_NO_UNKNOWN = ("ja", "nee", "weet-ik-niet")


class QuestionKind(StrEnum):
    """How a question is answered; the values are the seed data's own."""

    CHOICE = "keuze"
    MULTI_CHOICE = "meerkeuze"
    YES_NO_UNKNOWN = "ja_nee_weetniet"
    TEXT = "tekst"
    DATE = "datum"
    NUMBER = "getal"


@dataclass(frozen=True)
class Question:
    """One question of a form."""

    code: str
    label: str
    kind: QuestionKind
    options: tuple[str, ...] = ()
    is_required: bool = False
    for_professionals_only: bool = False
    help_text: str = ""
    show_when: Mapping[str, str] = field(default_factory=dict)  # asked only if these answers hold
    option_labels: Mapping[str, str] = field(default_factory=dict)  # of options that do not read like a code


@dataclass(frozen=True)
class UrgencyRule:
    """When every answer holds, the report is at least this urgent."""

    when: Mapping[str, str]
    urgency: str
    explanation: str = ""


@dataclass(frozen=True)
class SignalType:
    """A kind of sign, its questions and its rules."""

    code: str
    name: str
    description: str
    indicators: tuple[str, ...]
    indicators_by_role: Mapping[str, tuple[str, ...]]
    questions: tuple[Question, ...]
    default_urgency: str
    urgency_rules: tuple[UrgencyRule, ...]
    safety_tip: str
    department: str
    readers: tuple[str, ...]
    partners: tuple[str, ...]
    is_active: bool
    is_restricted: bool
    is_for_professionals_only: bool
    needs_name: bool  # accepted only from a reporter who gives a name
    position: int = 0  # lower ones are offered first


@dataclass(frozen=True)
class General:
    """What every signal type shares."""

    questions: tuple[Question, ...]
    reporter_roles: tuple[str, ...]
    location_types: tuple[str, ...]
    out_of_scope: tuple[tuple[str, str, str], ...]  # code, what it is, where to go instead


@dataclass(frozen=True)
class FormSet:
    """Everything a municipality asks."""

    version: int
    signal_types: Mapping[str, SignalType]
    general_questions: tuple[Question, ...]
    reporter_roles: tuple[str, ...]
    location_types: tuple[str, ...]
    out_of_scope: tuple[tuple[str, str, str], ...]  # code, what it is, where to go instead
    seed_version: str = ""  # of forms that come with the software: a date


def option_label(question: Question | None, code: str) -> str:
    """The words for an option: its own, else its code read as words."""
    own = question.option_labels.get(code) if question else None
    words = code.replace("-", " ").replace("_", " ")
    return own or words[:1].upper() + words[1:]
