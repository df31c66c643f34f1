"""A report form as someone filled it in: read from a browser, checked, and put into intake's words."""

import re
import secrets
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

from common.mail_address import MAX_CHARACTERS, is_mail_address
from common.receipt import WrongKey, parse_key
from starlette.datastructures import FormData

from gateway.pages.carrying import CHOSEN_FIELD, FILE_FIELD, CarriedFile, carried_in
from gateway.pages.questions import Forms, Question, SignalType

LONGEST_DESCRIPTION = 10_000
LONGEST_ANSWER = 2_000
LONGEST_LINE = 200
LONGEST_MAIL = MAX_CHARACTERS
ANSWER_PREFIX = "q-"
#: The general question that asks the same as the report's own `observedOn`; asked once.
LAST_SEEN = "wanneer_laatst"

_LINES = ("neighbourhood", "address", "name", "phone")
_DUTCH_DATE = re.compile(r"(\d{1,2})[-/.](\d{1,2})[-/.](\d{4})")
_POINTERS: Mapping[str, str] = {
    "/description": "description",
    "/neighbourhood": "neighbourhood",
    "/address": "address",
    "/observedOn": "observed_on",
    "/reporterKind": "reporter_kind",
    "/contact/mail": "mail",
    "/contact/name": "name",
    "/contact/phone": "phone",
}


@dataclass(frozen=True)
class Fault:
    """One thing wrong: the field's name ("" for the form as a whole) and its sentence, or a text's key."""

    field: str
    key: str = ""
    values: Mapping[str, object] | None = None
    sentence: str = ""


@dataclass(frozen=True)
class Filled:
    """What stands in the form, exactly as the reporter left it."""

    key: str
    signal_type: str
    texts: Mapping[str, str]  # description, address, neighbourhood, observed_on, reporter_kind, mail, …
    answers: Mapping[str, tuple[str, ...]]
    is_warned: bool = False  # the reporter has seen: call 112
    form_token: str = ""  # since when the form is open
    proof: str = ""  # of work, made by script
    files: tuple[CarriedFile, ...] = ()

    def text(self, name: str) -> str:
        """One of the form's own fields."""
        return self.texts.get(name, "")

    def with_new_key(self) -> "Filled":
        """The same form as another report."""
        return replace(self, key=new_key())

    @property
    def pairs(self) -> list[tuple[str, str]]:
        """Every field, for a page that carries the form along in hidden fields."""
        answers = [(ANSWER_PREFIX + code, each) for code, given in self.answers.items() for each in given]
        warned = [("warned", "1")] if self.is_warned else []
        files = [(FILE_FIELD, each.value) for each in self.files]
        own = [("key", self.key), ("type", self.signal_type), ("form_token", self.form_token)]
        return [*own, *self.texts.items(), *answers, *warned, *files]

    def given(self, kind: SignalType, forms: Forms) -> dict[str, str | tuple[str, ...]]:
        """The answers by question code, of the questions that are asked: what is not asked is left out."""
        questions = _questions(kind, forms)
        found = {
            code: values if questions[code].kind == "meerkeuze" else values[0]
            for code, values in self.answers.items()
            if code in questions and values and values[0]
        }
        if LAST_SEEN in found:
            found[LAST_SEEN] = iso_date(str(found[LAST_SEEN]))
        while left_out := [code for code in found if not questions[code].is_asked(found)]:
            for code in left_out:
                del found[code]
        return found


TEXTS = ("description", *_LINES, "observed_on", "reporter_kind", "mail")


def new_key() -> str:
    """A fresh idempotency key of 192 random bits; the receipt is derived from it."""
    return secrets.token_urlsafe(24)


def read_filled(form: FormData) -> Filled:
    """What a browser posted; a key that is none is replaced, because it can have no receipt."""
    key = str(form.get("key", ""))
    try:
        parse_key(key)
    except WrongKey:
        key = new_key()
    answers: dict[str, list[str]] = {}
    for name, value in form.multi_items():
        if name.startswith(ANSWER_PREFIX):
            answers.setdefault(name.removeprefix(ANSWER_PREFIX), []).append(str(value))
    return Filled(
        key=key,
        signal_type=str(form.get("type", "")),
        texts={name: str(form.get(name, "")) for name in TEXTS if name in form},
        answers={code: tuple(values) for code, values in answers.items()},
        is_warned=bool(form.get("warned")),
        form_token=str(form.get("form_token", "")),
        proof=str(form.get("proof", "")),
        files=carried_in(form),
    )


def iso_date(text: str) -> str:
    """A date as intake takes it; a browser without a date field lets people type 23-11-2026."""
    match = _DUTCH_DATE.fullmatch(text.strip())
    return f"{match[3]}-{int(match[2]):02}-{int(match[1]):02}" if match else text.strip()


def submission_of(filled: Filled, kind: SignalType, forms: Forms, *, language: str) -> dict[str, Any]:
    """The body for intake; the same form always gives the same body."""
    answers = filled.given(kind, forms)
    observed = str(answers.get(LAST_SEEN, "")) or iso_date(filled.text("observed_on"))
    optional = {
        "neighbourhood": filled.text("neighbourhood").strip(),
        "address": filled.text("address").strip(),
        "observedOn": observed,
    }
    contact = {name: filled.text(name).strip() for name in ("mail", "name", "phone")}
    files = [{"id": each.id, "claim": each.claim} for each in filled.files]
    return {
        "signalType": filled.signal_type,
        "description": filled.text("description"),
        "answers": {code: list(each) if isinstance(each, tuple) else each for code, each in answers.items()},
        "reporterKind": filled.text("reporter_kind") or "inwoner",
        "language": language,
        **{name: value for name, value in optional.items() if value},
        "contact": {name: value for name, value in contact.items() if value},
        **({"attachments": files} if files else {}),
    }


def faults_of(filled: Filled, kind: SignalType, forms: Forms, *, today: date) -> list[Fault]:
    """What the gateway can see to be wrong, so that all is told at once; intake decides in the end."""
    return [
        *_prose_faults(filled),
        *_answer_faults(filled, kind, forms, today),
        *_line_faults(filled, kind),
        *_date_faults("observed_on", iso_date(filled.text("observed_on")), today),
    ]


def faults_told(errors: Sequence[Mapping[str, str]], language: str) -> list[Fault]:
    """Intake's own errors by field; a sentence that it has only in English gives way to one of ours."""
    return [_told(error, language) for error in errors] or [Fault("", key="other")]


def _told(error: Mapping[str, str], language: str) -> Fault:
    pointer = error.get("pointer", "")
    english = error.get("messageEn", "")
    sentence = english if language == "en" else error.get("message", "") if english else ""
    if pointer.startswith("/answers/"):
        name = ANSWER_PREFIX + pointer.split("/")[2]
    elif pointer.startswith("/attachments"):
        name = CHOSEN_FIELD
    else:
        name = _POINTERS.get(pointer, "")
    return Fault(name, key="wrong" if name else "other", sentence=sentence)


def _questions(kind: SignalType, forms: Forms) -> dict[str, Question]:
    return {each.code: each for each in (*kind.questions, *forms.general_questions)}


def _prose_faults(filled: Filled) -> Iterator[Fault]:
    description = filled.text("description")
    if not description.strip():
        yield Fault("description", key="description_missing")
    elif len(description) > LONGEST_DESCRIPTION:
        yield Fault("description", key="too_long", values={"count": LONGEST_DESCRIPTION})


def _answer_faults(filled: Filled, kind: SignalType, forms: Forms, today: date) -> Iterator[Fault]:
    given = filled.given(kind, forms)
    for question in _questions(kind, forms).values():
        name, value = ANSWER_PREFIX + question.code, given.get(question.code, "")
        if not value or not str(value).strip():
            if question.is_required and question.is_asked(given):
                yield Fault(name, key="answer_missing", values={"question": question.label})
        elif question.kind == "tekst" and len(value) > LONGEST_ANSWER:
            yield Fault(name, key="too_long", values={"count": LONGEST_ANSWER})
        elif question.kind == "datum":
            yield from _date_faults(name, str(value), today)
        elif question.kind == "getal" and not str(value).strip().isdecimal():
            yield Fault(name, key="no_number")


def _line_faults(filled: Filled, kind: SignalType) -> Iterator[Fault]:
    for name in _LINES:
        if len(filled.text(name).strip()) > LONGEST_LINE:
            yield Fault(name, key="too_long", values={"count": LONGEST_LINE})
    mail = filled.text("mail").strip()
    if mail and not is_mail_address(mail):
        yield Fault("mail", key="no_mail")
    if kind.needs_name and not filled.text("name").strip():
        yield Fault("name", key="name_needed")


def _date_faults(name: str, text: str, today: date) -> Iterator[Fault]:
    if not text:
        return
    try:
        day = date.fromisoformat(text)
    except ValueError:
        yield Fault(name, key="no_date")
        return
    if day > today or day.year < today.year - 60:
        yield Fault(name, key="not_past")
