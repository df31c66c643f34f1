"""A form as JSON Schema (2020-12): it accepts and refuses the same reports as the server does.

Two things it cannot know: whether the files that a report names are there, and whether its words fit one
message of 64 KiB. Of `hide`, `attachments` and `receivedElsewhereAt` it only holds the shape.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from intake.domain.answers import EARLIEST, MAX_ANSWER, MAX_NUMBER, last_day, questions_of
from intake.domain.entries import ENTERED_BY
from intake.domain.forms import YES_NO_UNKNOWN, FormSet, Question, QuestionKind, SignalType
from intake.domain.places import LATITUDES, LONGITUDES
from intake.domain.reporters import Mode
from intake.domain.reports import MAX_LINE, MAX_PROSE

Schema = dict[str, Any]

DIALECT = "https://json-schema.org/draft/2020-12/schema"
_UNANSWERED: Schema = {"$ref": "#/$defs/unanswered"}
_DAY: Schema = {"$ref": "#/$defs/day"}
_BLANK, _WRITTEN = r"^\s*$", r"\S"
_NUMBER = r"^\s*0*([0-9]{1,5}|100000)\s*$"
_GIVEN: Schema = {"type": "string", "pattern": _WRITTEN}
_NO_NUL: Schema = {"allOf": [{"pattern": r"^[^\u0000]*$"}]}
_LONG_MONTHS, _SHORT_MONTHS = "(0[13578]|1[02])", "(0[469]|11)"


@dataclass(frozen=True)
class Circumstances:
    """What a form depends on beside its questions."""

    today: date
    professional: bool
    neighbourhoods: Sequence[str]
    channels: Sequence[str]  # through which this caller may report
    mail_pattern: str
    max_files: int

    @property
    def entered_by(self) -> list[str]:
        """Of the channels those of what came in elsewhere; none for who may not enter it."""
        return [each for each in self.channels if each in ENTERED_BY]


def submission_schema(forms: FormSet, kind: SignalType, around: Circumstances) -> Schema:
    """What the body of `POST /api/v1/reports` may be for a report of this type, by this caller, today."""
    return {
        "$schema": DIALECT,
        "title": kind.name,
        "type": "object",
        "required": ["signalType", "description"],
        "additionalProperties": False,
        "properties": _properties(forms, kind, around),
        "allOf": [*_reporter_rules(kind), _answers_needed(forms, kind, around), _entered_rule(around)],
        "$defs": {
            "unanswered": {"enum": [None, "", []]},
            "day": {"type": "string", "pattern": day_pattern(last_day(around.today)), "maxLength": 10},
        },
    }


def _properties(forms: FormSet, kind: SignalType, around: Circumstances) -> Schema:
    line = {"type": ["string", "null"], "maxLength": MAX_LINE, **_NO_NUL}
    listed = {"anyOf": [{"enum": [*around.neighbourhoods, None]}, {"type": "string", "pattern": _BLANK}]}
    return {
        "signalType": {"const": kind.code},
        "description": {"type": "string", "maxLength": MAX_PROSE, "pattern": _WRITTEN, **_NO_NUL},
        "answers": answers_schema(questions_of(forms, kind, professional=around.professional)),
        "reporterKind": {"enum": list(forms.reporter_roles), "default": "inwoner"},
        "channel": {"enum": [*around.channels, None]},
        "language": {"enum": ["nl", "en"], "default": "nl"},
        "neighbourhood": listed if around.neighbourhoods else line,
        "address": line,
        "locationType": {"enum": [*forms.location_types, None]},
        "location": _pin(),
        "observedOn": {"anyOf": [_DAY, {"type": "null"}]},
        "contact": _contact(around),
        "receivedElsewhereAt": _heard(around),
        "mode": {"enum": [*(mode.value for mode in Mode), None]},
        "attachments": _attachments(around.max_files),
        "hide": {"type": "array", "maxItems": 50, "items": {"type": "string", "maxLength": MAX_LINE}},
    }


def _heard(around: Circumstances) -> Schema:
    if around.entered_by:
        told = "When a report that came in elsewhere was heard; at most a year ago. Name the channel too."
        return {"type": ["string", "null"], "format": "date-time", "description": told}
    told = "For callers with the role staff-entry, who enter what came in elsewhere. Leave it out."
    return {"type": "null", "description": told}


def _entered_rule(around: Circumstances) -> Schema:
    """A time at which a report was heard goes with the channel by which it came."""
    heard = {"required": ["receivedElsewhereAt"], "properties": {"receivedElsewhereAt": {"type": "string"}}}
    entered = {"required": ["channel"], "properties": {"channel": {"enum": around.entered_by}}}
    return {"if": heard, "then": entered}


def _pin() -> Schema:
    sides = {"latitude": LATITUDES, "longitude": LONGITUDES}
    return {
        "type": ["object", "null"],
        "required": list(sides),
        "additionalProperties": False,
        "properties": {
            name: {"type": "number", "minimum": least, "maximum": most}
            for name, (least, most) in sides.items()
        },
    }


def _contact(around: Circumstances) -> Schema:
    line = {"type": ["string", "null"], "maxLength": MAX_LINE, **_NO_NUL}
    return {
        "type": "object",
        "additionalProperties": False,
        "properties": {
            "mail": {"type": ["string", "null"], "maxLength": 254, "pattern": around.mail_pattern},
            "name": line,
            "phone": line,
        },
    }


def _attachments(max_files: int) -> Schema:
    named = {"id": {"type": "string", "format": "uuid"}, "claim": {"type": "string"}}
    file = {
        "type": "object",
        "required": list(named),
        "additionalProperties": False,
        "properties": named,
    }
    return {"type": "array", "maxItems": max_files, "items": file}


def _reporter_rules(kind: SignalType) -> list[Schema]:
    """What each mode asks of the contact; see `check_reporter`."""
    nobody = {"anyOf": [{"type": "null"}, {"pattern": _BLANK}]}
    anonymous = {"properties": {"contact": {"properties": {"name": nobody, "phone": nobody}}}}
    named, called = _given_contact("name"), _given_contact("phone")
    if kind.needs_name:
        return [named, {"properties": {"mode": {"not": {"const": Mode.ANONYMOUS.value}}}}]
    return [
        _when_mode(Mode.ANONYMOUS, anonymous),
        _when_mode(Mode.CONFIDENTIAL, {"anyOf": [named, called]}),
        _when_mode(Mode.BY_NAME, named),
    ]


def _given_contact(field: str) -> Schema:
    contact = {"required": [field], "properties": {field: _GIVEN}}
    return {"required": ["contact"], "properties": {"contact": contact}}


def _when_mode(mode: Mode, then: Schema) -> Schema:
    chosen = {"required": ["mode"], "properties": {"mode": {"const": mode.value}}}
    return {"if": chosen, "then": then}


def _answers_needed(forms: FormSet, kind: SignalType, around: Circumstances) -> Schema:
    """A body without answers stands for one without any; so nothing may be required of them."""
    asked = questions_of(forms, kind, professional=around.professional)
    is_needed = any(each.is_required and not each.show_when for each in asked)
    return {"required": ["answers"]} if is_needed else {}


def answers_schema(questions: Sequence[Question]) -> Schema:
    """What the answers to these questions may be; a condition is an `if` with its `then` and `else`."""
    by_code = {each.code: each for each in questions}
    conditions = [_condition(each, by_code) for each in questions if each.show_when]
    return {
        "type": "object",
        "additionalProperties": False,
        "required": [each.code for each in questions if each.is_required and not each.show_when],
        "properties": {each.code: _property(each) for each in questions},
        **({"allOf": conditions} if conditions else {}),
    }


def _property(question: Question) -> Schema:
    titled = {"title": question.label}
    if question.help_text:
        titled["description"] = question.help_text
    if question.is_required and not question.show_when:
        return {**titled, **_answered(question)}
    return {**titled, "anyOf": [_answered(question), _unanswered(question)]}


def _condition(question: Question, by_code: Mapping[str, Question]) -> Schema:
    """Asked: as any other question. Not asked: no answer."""
    code = question.code
    holding = [_says(by_code.get(target), target, wanted) for target, wanted in question.show_when.items()]
    asked: Schema = {}
    if question.is_required:
        asked = {"required": [code], "properties": {code: _answered(question)}}
    return {
        "if": {"allOf": holding},
        "then": asked,
        "else": {"properties": {code: _unanswered(question)}},
    }


def _says(question: Question | None, code: str, wanted: str) -> Schema:
    if question is None:
        return {"not": {}}
    value: Schema = {"const": wanted}
    if question.kind is QuestionKind.MULTI_CHOICE:
        value = {"type": "array", "contains": value}
    return {"required": [code], "properties": {code: value}}


def _unanswered(question: Question) -> Schema:
    if question.kind is not QuestionKind.TEXT:
        return _UNANSWERED
    return {"anyOf": [_UNANSWERED, {"type": "string", "pattern": _BLANK}]}


def _answered(question: Question) -> Schema:
    shapes: Mapping[QuestionKind, Schema] = {
        QuestionKind.CHOICE: {"enum": list(question.options)},
        QuestionKind.YES_NO_UNKNOWN: {"enum": list(YES_NO_UNKNOWN)},
        QuestionKind.MULTI_CHOICE: {
            "type": "array",
            "minItems": 1,
            "items": {"enum": list(question.options)},
        },
        QuestionKind.TEXT: {"type": "string", "maxLength": MAX_ANSWER, "pattern": _WRITTEN, **_NO_NUL},
        QuestionKind.DATE: _DAY,
        QuestionKind.NUMBER: {
            "anyOf": [
                {"type": "integer", "minimum": 0, "maximum": MAX_NUMBER},
                {"type": "string", "pattern": _NUMBER},
            ]
        },
    }
    return shapes[question.kind]


def day_pattern(last: date) -> str:
    """A regular expression (ECMA-262) for every day from `EARLIEST` up to and including this one."""
    years = range(EARLIEST.year, last.year)
    leap = [year for year in years if _is_leap(year)]
    months_of_any = f"{_LONG_MONTHS}-{_days(31)}|{_SHORT_MONTHS}-{_days(30)}|02-{_days(28)}"
    whole = f"({_alternatives(years)})-({months_of_any})"
    months = [_days(_length(last.year, month)) for month in range(1, last.month)]
    parts = [f"{month:02}-{days}" for month, days in enumerate([*months, _days(last.day)], start=1)]
    return f"^({whole}|({_alternatives(leap)})-02-29|{last.year}-({'|'.join(parts)}))$"


def _alternatives(years: Sequence[int]) -> str:
    return "|".join(str(year) for year in years)


def _days(last: int) -> str:
    """01 up to and including this day."""
    tens, ones = divmod(last, 10)
    whole = {0: f"0[1-{ones}]", 1: "0[1-9]", 2: "0[1-9]|1[0-9]", 3: "0[1-9]|[12][0-9]"}[tens]
    return f"({whole}|{tens}[0-{ones}])" if tens else f"({whole})"


def _length(year: int, month: int) -> int:
    if month == 2:
        return 29 if _is_leap(year) else 28
    return 30 if month in (4, 6, 9, 11) else 31


def _is_leap(year: int) -> bool:
    return year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)
