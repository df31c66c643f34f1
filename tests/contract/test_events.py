"""Events keep what they promised on the wire: golden schemas, round trips, and who hears what."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import casework.consumers
import gateway.consumers
import intake.consumers
import notifier.consumers
import pytest
import reporting.consumers
from common.contracts.base import Event
from common.flow import BY_TYPE, HEARD_BY, PARTNERS, SERVICES, heard_by, spoken_by
from common.messaging.envelope import MAX_BYTES, encode, read_envelope, read_event
from common.messaging.handling import Handlers
from intake.seed import load_seed
from intake.signers import Signers
from jsonschema import Draft202012Validator, FormatChecker
from making.examples import example_of
from making.openapi import no_attachments, own_key
from making.schemas import broken_promises, file_name, schema_of

DOCS = Path(__file__).parents[2] / "docs"
EVENTS = [pytest.param(event, id=event.name) for event in HEARD_BY]

HANDLERS: dict[str, Handlers] = {
    "intake": intake.consumers.handlers(load_seed(), no_attachments(), Signers(own_key())),
    "casework": casework.consumers.HANDLERS,
    "notifier": notifier.consumers.handlers(lambda: None),
    "reporting": reporting.consumers.HANDLERS,
    "gateway": gateway.consumers.HANDLERS,
}


def golden_of(event: type[Event]) -> dict[str, Any]:
    """What this event promised; a golden schema is only ever extended."""
    schema: dict[str, Any] = json.loads((DOCS / file_name(event)).read_text(encoding="utf-8"))
    return schema


@pytest.mark.parametrize("event", EVENTS)
def test_an_event_keeps_what_its_golden_schema_promises(event: type[Event]) -> None:
    assert broken_promises(golden_of(event), schema_of(event)) == []


def test_every_golden_schema_belongs_to_an_event() -> None:
    on_disk = {f"schemas/{file.name}" for file in (DOCS / "schemas").iterdir()}
    assert on_disk == {file_name(event) for event in HEARD_BY}


@pytest.mark.parametrize("with_optional", [True, False], ids=["whole", "required-only"])
@pytest.mark.parametrize("event", EVENTS)
def test_an_event_arrives_as_it_was_spoken_and_fits_its_schema(
    event: type[Event], with_optional: bool
) -> None:
    spoken = example_of(event, with_optional=with_optional)
    sent = encode(spoken)
    heard = read_event(read_envelope(sent.body), BY_TYPE[sent.type])
    assert heard.event == spoken
    assert (heard.event_id, sent.subject) == (sent.event_id, spoken.subject)
    assert len(sent.body) < MAX_BYTES
    data = json.loads(sent.body)["data"]
    Draft202012Validator(golden_of(event), format_checker=FormatChecker()).validate(data)


@pytest.mark.parametrize("event", EVENTS)
def test_a_hearer_survives_a_field_that_it_does_not_know(event: type[Event]) -> None:
    sent = encode(example_of(event))
    document = json.loads(sent.body)
    document["data"]["addedLater"] = "something"
    heard = read_event(read_envelope(json.dumps(document).encode()), event)
    assert heard.event == example_of(event)


@pytest.mark.parametrize("service", SERVICES)
def test_a_service_handles_exactly_what_the_flow_says_it_hears(service: str) -> None:
    assert set(HANDLERS[service]) == set(heard_by(service))


def test_the_flow_names_services_and_partners_only() -> None:
    for event, hearers in HEARD_BY.items():
        assert event in spoken_by(event.speaker())
        assert event.speaker() in SERVICES
        assert hearers, f"nobody hears {event.name}"
        assert set(hearers) <= {*SERVICES, PARTNERS}
        assert len(set(hearers)) == len(hearers)
    assert len(BY_TYPE) == len(HEARD_BY), "two events have the same type"


Change = Callable[[dict[str, Any]], None]


def _remove(schema: dict[str, Any]) -> None:
    del schema["properties"]["neighbourhood"]


def _rename(schema: dict[str, Any]) -> None:
    schema["properties"]["district"] = schema["properties"].pop("neighbourhood")


def _require(schema: dict[str, Any]) -> None:
    schema["required"].append("neighbourhood")


def _add_required(schema: dict[str, Any]) -> None:
    schema["properties"]["extra"] = {"type": "string"}
    schema["required"].append("extra")


def _release(schema: dict[str, Any]) -> None:
    schema["required"].remove("dueAt")


def _retype(schema: dict[str, Any]) -> None:
    schema["properties"]["dueAt"] = {"type": "integer"}


def _narrow(schema: dict[str, Any]) -> None:
    schema["$defs"]["Urgency"]["enum"].remove("laag")


def _forbid_absence(schema: dict[str, Any]) -> None:
    schema["properties"]["neighbourhood"] = {"type": "string"}


@pytest.mark.parametrize(
    "change", [_remove, _rename, _require, _add_required, _release, _retype, _narrow, _forbid_absence]
)
def test_a_broken_promise_is_seen(change: Change) -> None:
    event = next(event for event in HEARD_BY if event.name == "casework.report-offered.v1")
    changed = schema_of(event)
    change(changed)
    assert broken_promises(schema_of(event), changed)


def _add_optional(schema: dict[str, Any]) -> None:
    schema["properties"]["extra"] = {"type": "string", "default": ""}


def _add_code(schema: dict[str, Any]) -> None:
    schema["$defs"]["Urgency"]["enum"].append("nog-lager")


def _reword(schema: dict[str, Any]) -> None:
    schema["description"] = "Said in other words."


@pytest.mark.parametrize("change", [_add_optional, _add_code, _reword])
def test_an_addition_breaks_no_promise(change: Change) -> None:
    event = next(event for event in HEARD_BY if event.name == "casework.report-offered.v1")
    changed = schema_of(event)
    change(changed)
    assert broken_promises(schema_of(event), changed) == []
