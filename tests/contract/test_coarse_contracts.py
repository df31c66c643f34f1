"""No event and no answer about a report tells a moment finer than a quarter of an hour."""

import json
import re
from collections.abc import Iterator
from datetime import datetime
from importlib import import_module
from typing import Any, get_args
from uuid import uuid4

import pytest
from common.contracts.base import Event
from common.flow import HEARD_BY
from common.messaging.envelope import encode
from making.examples import example_of
from pydantic import BaseModel

_FINE = "2026-11-30T09:17:21.123456Z"
_MOMENT = re.compile(r"\d{4}-\d\d-\d\dT[0-9:.]+")
_QUARTER = re.compile(r"\d{4}-\d\d-\d\dT\d\d:(00|15|30|45):00")

#: Where answers and contracts stand.
MODULES = (
    "common.contracts.casework",
    "common.contracts.erasure",
    "common.contracts.gateway",
    "common.contracts.intake",
    "common.contracts.notifier",
    "intake.api.answers",
    "intake.api.edited",
    "intake.api.invitations",
    "intake.api.uploads",
    "casework.api.answers",
    "notifier.api.answers",
    "reporting.api",
    "gateway.api.keys",
    "gateway.api.paths",
)

#: Model → why its times may be finer; they stand beside no report, mailbox or file.
ALLOWED = {
    "intake.api.edited.DraftInList": "of an administrator's work on forms",
    "intake.api.edited.PartShown": "of an administrator's work on forms",
    "intake.api.edited.DraftShown": "of an administrator's work on forms",
    "intake.api.edited.AuditRowShown": "of an administrator's work on forms",
    "intake.api.invitations.InvitationShown": "of an administrator's work; that one was used has no time",
    "intake.api.invitations.InvitationMade": "of an administrator's work; that one was used has no time",
    "gateway.api.keys.KeyShown": "of a key",
    "gateway.api.keys.KeyMade": "of a key",
    "gateway.api.paths.SessionShown": "of somebody who signed in",
}


def _with_fine_times(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _with_fine_times(each) for name, each in value.items()}
    if isinstance(value, list):
        return [_with_fine_times(each) for each in value]
    return _FINE if isinstance(value, str) and _MOMENT.match(value) else value


@pytest.mark.parametrize("event", [pytest.param(event, id=event.name) for event in HEARD_BY])
def test_what_is_said_of_a_fine_time_is_a_quarter_of_an_hour(event: type[Event]) -> None:
    given = json.loads(example_of(event).model_dump_json(by_alias=True))
    envelope = encode(event.model_validate(_with_fine_times(given)), event_id=uuid4())
    told = _MOMENT.findall(envelope.body.decode())
    assert told, "an event has a time"
    assert [moment for moment in told if not _QUARTER.fullmatch(moment)] == []


def _models(name: str) -> Iterator[type[BaseModel]]:
    for each in vars(import_module(name)).values():
        if isinstance(each, type) and issubclass(each, BaseModel) and each.__module__ == name:
            yield each


def _is_fine(annotation: Any) -> bool:
    return annotation is datetime or any(_is_fine(each) for each in get_args(annotation))


def test_no_model_has_a_fine_time_without_a_reason() -> None:
    fine = {
        f"{module}.{model.__name__}"
        for module in MODULES
        for model in _models(module)
        for field in model.model_fields.values()
        if _is_fine(field.annotation)
    }
    assert fine == set(ALLOWED)
