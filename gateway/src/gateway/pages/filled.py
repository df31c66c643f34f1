"""A report form as someone filled it in: read from a browser, and put into intake's words."""

import re
import secrets
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from common.receipt import WrongKey, parse_key
from starlette.datastructures import FormData

from gateway.domain.draft_keys import id_of
from gateway.pages.carrying import FILE_FIELD, CarriedFile, carried_in
from gateway.pages.questions import ANONYMOUS, Forms, SignalType

ANSWER_PREFIX = "q-"
MARK_FIELD = "hide_more"  # where a reporter types what else must be hidden
INVITATION_FIELD = "invitation"
#: The general question that asks the same as the report's own `observedOn`; asked once.
LAST_SEEN = "wanneer_laatst"
LINES = ("neighbourhood", "address", "name", "phone")
LONGEST_MARK = 200
MOST_MARKS = 50

_TEXTS = (
    "description",
    *LINES,
    "observed_on",
    "reporter_kind",
    "mail",
    "mode",
    "pin",
    "location_type",
    INVITATION_FIELD,
)
_BY_NAME = ("name", "phone")
_LEAST_CHARACTERS = 2
_DUTCH_DATE = re.compile(r"(\d{1,2})[-/.](\d{1,2})[-/.](\d{4})")
_DEGREES = r"([+-]?\d{1,3}(?:[.,]\d{1,12})?)"
_PIN = re.compile(rf"{_DEGREES} ?°? ?[Nn]? ?[,; ] ?{_DEGREES} ?°? ?[EeOo]?")  # of single spaces


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
    draft: str = ""  # the id under which script may keep it in the browser; goes no further than the gateway
    files: tuple[CarriedFile, ...] = ()
    hide: tuple[str, ...] = ()  # what must be hidden besides
    page: str = ""  # of a form with one question a page: the one that was left
    is_checked: bool = False  # the reporter has seen the whole, and changes something

    def text(self, name: str) -> str:
        """One of the form's own fields."""
        return self.texts.get(name, "")

    @property
    def pairs(self) -> list[tuple[str, str]]:
        """Every field, for a page that carries the form along in hidden fields."""
        answers = [(ANSWER_PREFIX + code, each) for code, given in self.answers.items() for each in given]
        warned = [("warned", "1")] if self.is_warned else []
        files = [(FILE_FIELD, each.value) for each in self.files]
        hide = [("hide", each) for each in self.hide]
        checked = [("checked", "1")] if self.is_checked else []
        own = [("key", self.key), ("type", self.signal_type), ("form_token", self.form_token)]
        return [*own, *self.texts.items(), *answers, *warned, *checked, *files, *hide]

    def pairs_without(self, names: Iterable[str]) -> list[tuple[str, str]]:
        """As `pairs`, for a page that asks these fields itself."""
        asked = frozenset(names)
        return [(name, value) for name, value in self.pairs if name not in asked]

    def mode(self, kind: SignalType, forms: Forms) -> str:
        """How the reporter stands behind the report; empty when the municipality does not ask."""
        modes = forms.modes_for(kind)
        return self.text("mode") or (modes[0] if modes else "")

    def given(self, kind: SignalType, forms: Forms) -> dict[str, str | tuple[str, ...]]:
        """The answers by question code, of the questions that are asked: what is not asked is left out."""
        questions = forms.questions_of(kind)
        found = {
            code: values if questions[code].kind == "meerkeuze" else values[0]
            for code, values in self.answers.items()
            if code in questions and values and values[0].strip()
        }
        if LAST_SEEN in found:
            found[LAST_SEEN] = iso_date(str(found[LAST_SEEN]))
        while left_out := [code for code in found if not questions[code].is_asked(found)]:
            for code in left_out:
                del found[code]
        return found

    def left_out(self, kind: SignalType, forms: Forms) -> list[str]:
        """The names of fields that were filled in but do not go along, because they are not asked now."""
        given, questions = self.given(kind, forms), forms.questions_of(kind)
        answers = [
            ANSWER_PREFIX + code
            for code, values in self.answers.items()
            if code in questions and code not in given and any(each.strip() for each in values)
        ]
        if self.mode(kind, forms) != ANONYMOUS:
            return answers
        return [*answers, *(name for name in _BY_NAME if self.text(name).strip())]


def new_key() -> str:
    """A fresh idempotency key of 192 random bits; the receipt is derived from it."""
    return secrets.token_urlsafe(24)


def key_in(form: FormData) -> str:
    """The idempotency key that a form carries; empty when it carries none that could have a receipt."""
    key = str(form.get("key", ""))
    try:
        parse_key(key)
    except WrongKey:
        return ""
    return key


def draft_in(form: FormData) -> str:
    """The id under which script may keep this form in the browser; empty when there is none."""
    draft = str(form.get("draft", ""))
    return draft if id_of(draft) else ""


def read_filled(form: FormData) -> Filled:
    """What a browser posted; a key that is none is replaced, because it can have no receipt."""
    answers: dict[str, list[str]] = {}
    for name, value in form.multi_items():
        if name.startswith(ANSWER_PREFIX):
            answers.setdefault(name.removeprefix(ANSWER_PREFIX), []).append(str(value))
    texts = {name: str(form.get(name, "")) for name in _TEXTS if name in form}
    hide = [str(each).strip() for each in form.getlist("hide")]
    mark = str(form.get(MARK_FIELD, "")).strip()
    if is_mark(mark) and len(hide) < MOST_MARKS:
        hide.append(mark)
    elif mark and mark not in hide:
        texts[MARK_FIELD] = mark
    return Filled(
        key=key_in(form) or new_key(),
        signal_type=str(form.get("type", "")),
        texts=texts,
        answers={code: tuple(values) for code, values in answers.items()},
        is_warned=bool(form.get("warned")),
        form_token=str(form.get("form_token", "")),
        proof=str(form.get("proof", "")),
        draft=draft_in(form),
        files=carried_in(form),
        hide=tuple(dict.fromkeys(each for each in hide if is_mark(each)))[:MOST_MARKS],
        page=str(form.get("page", "")),
        is_checked=bool(form.get("checked")),
    )


def is_mark(text: str) -> bool:
    """Whether intake can hide this: two letters or digits at least, and not too long."""
    return len(text) <= LONGEST_MARK and sum(each.isalnum() for each in text) >= _LEAST_CHARACTERS


def invitation_of(filled: Filled) -> dict[str, str]:
    """The header with the code that the municipality gave; none when there is no code or it can be none."""
    code = filled.text(INVITATION_FIELD).strip()
    return {"Invitation-Code": code} if code.isascii() and code.isprintable() and code else {}


def iso_date(text: str) -> str:
    """A date as intake takes it; a browser without a date field lets people type 23-11-2026."""
    match = _DUTCH_DATE.fullmatch(text.strip())
    return f"{match[3]}-{int(match[2]):02}-{int(match[1]):02}" if match else text.strip()


def location_of(text: str) -> dict[str, float] | None:
    """A place as a map tells it ("52.37403, 4.88969"; commas may stand for points); None if it is none.

    Linear in the text, however long: it is read before anything is said of its length.
    """
    match = _PIN.fullmatch(" ".join(text.split()))
    if match is None:
        return None
    latitude, longitude = (float(each.replace(",", ".")) for each in match.groups())
    return {"latitude": latitude, "longitude": longitude}


def submission_of(filled: Filled, kind: SignalType, forms: Forms, *, language: str) -> dict[str, Any]:
    """The body for intake; the same form always gives the same body."""
    answers = filled.given(kind, forms)
    mode = filled.mode(kind, forms)
    optional = {
        "neighbourhood": filled.text("neighbourhood").strip(),
        "address": filled.text("address").strip(),
        "observedOn": str(answers.get(LAST_SEEN, "")) or iso_date(filled.text("observed_on")),
        "locationType": filled.text("location_type").strip(),
        "location": location_of(filled.text("pin")),
        "mode": mode,
        "hide": list(filled.hide),
        "attachments": [{"id": each.id, "claim": each.claim} for each in filled.files],
    }
    names = ("mail",) if mode == ANONYMOUS else ("mail", *_BY_NAME)
    contact = {name: filled.text(name).strip() for name in names}
    return {
        "signalType": filled.signal_type,
        "description": filled.text("description"),
        "answers": {code: list(each) if isinstance(each, tuple) else each for code, each in answers.items()},
        "reporterKind": filled.text("reporter_kind") or "inwoner",
        "language": language,
        **{name: value for name, value in optional.items() if value},
        "contact": {name: value for name, value in contact.items() if value},
    }


def words_of(filled: Filled, kind: SignalType, forms: Forms) -> dict[str, Any]:
    """What intake is asked to hide before sending: the words of the submission, and the marks."""
    questions = forms.questions_of(kind)
    answers = {
        code: str(value).strip()
        for code, value in filled.given(kind, forms).items()
        if questions[code].kind == "tekst"
    }
    lines = ("address",) if forms.neighbourhoods else ("address", "neighbourhood")
    own = {name: filled.text(name).strip() for name in lines}
    return {
        "description": filled.text("description"),
        "answers": answers,
        **{name: value for name, value in own.items() if value},
        "hide": list(filled.hide),
    }
