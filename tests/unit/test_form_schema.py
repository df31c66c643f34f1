"""The JSON Schema of a form and the server agree about every report, whoever sends it."""

import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from functools import cache
from typing import Any
from uuid import uuid4

import pytest
from common.auth import Identity
from common.contracts.codes import Role
from common.errors import Malformed, NotAllowed
from common.mail_address import PATTERN
from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st
from intake.api.callers import channels_of
from intake.api.submissions import ReportSubmission, new_report
from intake.domain import (
    Circumstances,
    FormSet,
    Mode,
    Question,
    QuestionKind,
    SignalType,
    submission_schema,
)
from intake.domain.schema import day_pattern
from intake.seed import load_seed
from intake.submission import checked
from jsonschema import Draft202012Validator
from pydantic import ValidationError

from tests.support.municipality import make_town

TODAY = date(2026, 11, 24)
_NOON = datetime.combine(TODAY, time(12), UTC)
SEED = load_seed()
PLAIN = make_town().state
LISTED = make_town(
    neighbourhoods=[{"code": "molenwijk", "name": "Molenwijk"}, {"code": "haven", "name": "De Haven"}]
).state
CITIZEN = Identity("zandrecht")
CLERK = Identity("zandrecht", person=uuid4(), roles=frozenset({Role.STAFF_ENTRY}))
EVERY_KIND = replace(
    next(iter(SEED.signal_types.values())),
    code="alles",
    questions=(
        Question("gezien", "Gezien?", QuestionKind.YES_NO_UNKNOWN, is_required=True),
        Question("wat", "Wat?", QuestionKind.MULTI_CHOICE, options=("geur", "licht", "geluid")),
        Question("waar", "Waar?", QuestionKind.TEXT, is_required=True, show_when={"gezien": "ja"}),
        Question("hoe", "Hoe?", QuestionKind.CHOICE, options=("vaak", "soms"), show_when={"wat": "geur"}),
        Question("sinds", "Sinds?", QuestionKind.DATE, is_required=True, show_when={"hoe": "vaak"}),
        Question("aantal", "Aantal?", QuestionKind.NUMBER),
        Question("merk", "Merk?", QuestionKind.TEXT, show_when={"gezien": "ja", "wat": "licht"}),
        Question("dossier", "Dossier?", QuestionKind.TEXT, for_professionals_only=True),
    ),
)
NAMED = replace(EVERY_KIND, code="op-naam", needs_name=True, questions=())
FORMS = replace(SEED, signal_types={**SEED.signal_types, "alles": EVERY_KIND, "op-naam": NAMED})

_LINES: st.SearchStrategy[Any] = st.sampled_from(
    ["", " ", "Kade 1", " Kade 1\n", "x" * 200, "x" * 201, "a\0b", "ë", 7, None, []]
)
_JUNK = st.one_of(
    st.sampled_from([None, "", []]), st.booleans(), st.integers(-5, 200_000), st.floats(-9, 1e9),
    st.text("ab \n\tja0", max_size=8), st.lists(st.sampled_from(["ja", "geur", 1, None]), max_size=3),
    st.just({}), st.just({"ja": 1}),
)  # fmt: skip
_DAYS = st.one_of(
    st.dates(date(1948, 1, 1), TODAY + timedelta(days=40)).map(date.isoformat),
    st.sampled_from(["2026-11-25\n", "2026-11-31", "2024-02-29", "2023-02-29", "20261120", "2026-W47-1"]),
)
_NUMBERS = st.one_of(
    st.integers(-3, 100_003), st.integers(0, 100_003).map(str),
    st.sampled_from([3.0, 3.5, -0.0, 1e5, " 7 ", "007", "+7", "7\n", "1_0", "٣", "0100000", True]),
)  # fmt: skip
_TEXTS = st.one_of(
    st.text(st.characters(codec="utf-8", exclude_categories=["Cs", "Cc", "Cf"]), max_size=12),
    st.sampled_from(["", "  ", "\n", "rood", "x" * 2000, "x" * 2001, "a\0"]),
)


_SHARE = st.sampled_from(range(100))  # evenly, where `integers` prefers its ends


def answer_to(question: Question) -> st.SearchStrategy[Any]:
    """Mostly an answer as it should be, sometimes anything."""
    fitting: Mapping[QuestionKind, st.SearchStrategy[Any]] = {
        QuestionKind.CHOICE: st.sampled_from(question.options or ("-",)),
        QuestionKind.YES_NO_UNKNOWN: st.sampled_from(["ja", "nee", "weet-ik-niet"]),
        QuestionKind.MULTI_CHOICE: st.lists(st.sampled_from(question.options or ("-",)), max_size=4),
        QuestionKind.TEXT: _TEXTS,
        QuestionKind.DATE: _DAYS,
        QuestionKind.NUMBER: _NUMBERS,
    }
    return _SHARE.flatmap(lambda share: fitting[question.kind] if share < 97 else _JUNK)


@st.composite
def bodies(draw: st.DrawFn, kind: SignalType) -> dict[str, Any]:
    """A report of this type: near enough to a right one that both outcomes are common."""
    questions = (*kind.questions, *FORMS.general_questions)
    body: dict[str, Any] = {"signalType": kind.code, "description": "Er brandt licht."}
    if kind.needs_name:
        body["contact"] = {"name": "Fenna Waterland"}
    answers: dict[str, Any] = {}
    for each in questions:
        is_asked = all(answers.get(code) in (wanted, [wanted]) for code, wanted in each.show_when.items())
        chance = 98 if each.is_required and is_asked else 25 if is_asked else 1
        if draw(_SHARE) < chance:
            answers[each.code] = draw(answer_to(each))
    body["answers"] = answers
    for name in sorted(_FIELDS):
        if draw(_SHARE) > 96:
            body[name] = draw(_FIELDS[name])
    if draw(_SHARE) > 80:
        body["mode"] = draw(st.sampled_from([*Mode, None, "geheim"]))
        body["contact"] = draw(_CONTACTS)
    if draw(_SHARE) > 90:
        body["receivedElsewhereAt"] = draw(_FIELDS["receivedElsewhereAt"])
        body["channel"] = draw(_FIELDS["channel"])
    if draw(_SHARE) > 97:
        body.pop(draw(st.sampled_from(["signalType", "description", "answers"])))
    return body


_MAILS = st.one_of(
    st.sampled_from(["a@b.nl", " a@b.nl ", "a@b", "a b@c.nl", "a@b.nl\n", "@b.nl", "a@@b.nl", "ë@b.nl"]),
    st.sampled_from(["x" * 64 + "@b.nl", "x" * 65 + "@b.nl", "a@" + "b." * 126 + "nl", "", None]),
    st.emails(),
)  # fmt: skip
_CONTACTS = st.fixed_dictionaries({}, optional={"name": _LINES, "phone": _LINES, "mail": _MAILS})
_FIELDS: Mapping[str, st.SearchStrategy[Any]] = {
    "description": st.sampled_from(["", " \n", "Rook.", "x" * 10_000, "x" * 10_001, "a\0", None, 7]),
    "answers": st.sampled_from([None, [], {}, {"kleur": "rood"}, {"kleur": None}]),
    "reporterKind": st.sampled_from(["inwoner", "boa", "koning", " boa", "", None]),
    "channel": st.sampled_from(["formulier", "app", "telefoon", "mma", "duif", None]),
    "language": st.sampled_from(["nl", "en", "de", "nl\n", None]),
    "neighbourhood": st.one_of(_LINES, st.sampled_from(["haven", "molenwijk", "Haven"])),
    "address": _LINES,
    "locationType": st.sampled_from(["woning", "kasteel", "", None, 3]),
    "location": st.one_of(
        st.fixed_dictionaries(
            {"latitude": st.floats(50, 55), "longitude": st.sampled_from([3, 5.1, 7.5, 7.6, "5", True])},
            optional={"accuracy": st.just(3)},
        ),
        st.sampled_from([None, {}, [], {"latitude": 52}]),
    ),
    "observedOn": st.one_of(_DAYS, st.sampled_from([None, "", 20261120])),
    "contact": st.one_of(_CONTACTS, st.sampled_from([None, [], {"twitter": "x"}])),
    "mode": st.sampled_from([*Mode, None, "geheim"]),
    "receivedElsewhereAt": st.sampled_from([None, "2026-11-24T09:30:00+01:00", [], {}]),
    "kleur": st.just("rood"),
}  # fmt: skip


def accepts(body: Any, forms: FormSet, state: Any, caller: Identity) -> bool:
    """What the server says of it."""
    try:
        submission = ReportSubmission.model_validate_json(json.dumps(body))
        checked(new_report(submission, caller), forms, state, _NOON)
    except (ValidationError, Malformed, NotAllowed):
        return False
    return True


def schema_for(kind: str, caller: Identity, *, is_listed: bool) -> dict[str, Any]:
    """What a third party gets."""
    state = LISTED if is_listed else PLAIN
    around = Circumstances(
        today=TODAY,
        professional=caller.is_professional,
        neighbourhoods=[each.code for each in state.neighbourhoods],
        channels=[each.value for each in channels_of(caller)],
        mail_pattern=PATTERN,
        max_files=10,
    )
    schema: dict[str, Any] = json.loads(
        json.dumps(submission_schema(FORMS, FORMS.signal_types[kind], around))
    )
    return schema


@cache
def validator(kind: str, caller: Identity, *, is_listed: bool) -> Draft202012Validator:
    """What a third party would check with."""
    schema = schema_for(kind, caller, is_listed=is_listed)
    Draft202012Validator.check_schema(schema)
    return Draft202012Validator(schema)


def fields_of(schema: Mapping[str, Any]) -> set[str]:
    """Every field by its path; what the answers are is the municipality's."""
    found: set[str] = set()

    def walk(part: Mapping[str, Any], path: str) -> None:
        for each in part.get("anyOf", []):
            walk(each, path)
        if "$ref" in part:
            walk(schema["$defs"][part["$ref"].rpartition("/")[2]], path)
        if "items" in part:
            walk(part["items"], f"{path}/*")
        for name, inner in part.get("properties", {}).items():
            found.add(f"{path}/{name}")
            if name != "answers":
                walk(inner, f"{path}/{name}")

    walk(schema, "")
    return found


CASES = [
    (kind, state, caller)
    for kind in (EVERY_KIND, NAMED, SEED.signal_types["hennepteelt"], SEED.signal_types["mensenhandel"])
    for state, caller in ((PLAIN, CITIZEN), (LISTED, CLERK))
    if not kind.is_for_professionals_only or caller is CLERK
]


@pytest.mark.parametrize(
    ("kind", "state", "caller"),
    CASES,
    ids=[f"{k.code}-{'clerk' if c.person else 'citizen'}" for k, _, c in CASES],
)
@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(data=st.data())
def test_the_schema_accepts_what_the_server_accepts(
    kind: SignalType, state: Any, caller: Identity, data: st.DataObject
) -> None:
    body = data.draw(bodies(kind))
    told = accepts(body, replace(FORMS, signal_types={kind.code: kind}), state, caller)
    event("accepted" if told else "refused")
    schema = validator(kind.code, caller, is_listed=state is LISTED)
    errors = [error.message for error in schema.iter_errors(body)]
    assert (not errors) == told, (body, errors[:3])


@pytest.mark.parametrize("caller", [CITIZEN, CLERK], ids=["citizen", "clerk"])
def test_the_schema_knows_every_field_of_a_report_and_no_other(caller: Identity) -> None:
    schema = schema_for("hennepteelt", caller, is_listed=False)
    assert fields_of(schema) == fields_of(ReportSubmission.model_json_schema())


@pytest.mark.parametrize("last", [TODAY, date(2024, 2, 29), date(2027, 1, 1), date(2026, 10, 10)])
def test_the_days_of_the_schema_are_those_of_the_calendar(last: date) -> None:
    schema = Draft202012Validator({"pattern": day_pattern(last)})
    days = {date(1950, 1, 1) + timedelta(days=each) for each in range((last - date(1950, 1, 1)).days + 1)}
    edges = {date(1949, 12, 31), last + timedelta(days=1), last + timedelta(days=400)}
    assert all(schema.is_valid(day.isoformat()) for day in days)
    assert not any(schema.is_valid(day.isoformat()) for day in edges)
    assert not any(schema.is_valid(text) for text in ("2023-02-29", "2020-04-31", "2020-13-01", "2020-00-10"))
