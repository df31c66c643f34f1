"""CloudEvents 1.0 in structured JSON (NL GOV profile), as bytes on the broker."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Generic, TypeVar
from uuid import UUID, uuid4

from pydantic_core import from_json

from common.coarse import CoarseTime, coarse, coarse_now
from common.contracts.base import TYPE_PREFIX, Event

CONTENT_TYPE = "application/cloudevents+json"
MAX_BYTES = 64 * 1024
#: Of a row of the table `waiting`: as `is_vouched_for` has it.
VOUCHED_FOR = (
    "spoken_by <> '' AND starts_with(type, 'nl.vermoeden.') AND spoken_by = split_part(type, '.', 3)"
)
_MAX_CHARACTERS = 255  # of a type, a municipality or a subject; ours are codes and ids

E_co = TypeVar("E_co", bound=Event, covariant=True)


class Unreadable(Exception):
    """These bytes are no CloudEvent that could be kept; nothing in them can be acted on."""


class TooLarge(ValueError):
    """The event would be more than 64 KiB on the wire."""


@dataclass(frozen=True)
class Delivery(Generic[E_co]):
    """One event as a handler gets it: the fact, its id and about when it happened."""

    event_id: UUID
    event: E_co
    spoken_at: CoarseTime


@dataclass(frozen=True)
class Envelope:
    """The readable outside of a message: enough to store, find and replay it."""

    event_id: UUID
    type: str
    municipality: str
    subject: str
    spoken_at: CoarseTime
    body: bytes
    data: Mapping[str, Any] | None = field(default=None, compare=False, repr=False)  # as it was read
    spoken_by: str = ""  # the user under whom the broker took it; empty when it did not say

    @property
    def is_vouched_for(self) -> bool:
        """Whether the broker took it from the one service that may speak its type."""
        return is_vouched_for(self.type, self.spoken_by)


def encode(
    event: Event,
    *,
    event_id: UUID | None = None,
    traceparent: str | None = None,
    at: CoarseTime | None = None,
) -> Envelope:
    """The message for an event; raises `TooLarge` above 64 KiB.

    Its `time` is when the fact happened: as it tells itself, else `at`, else now. A fact that follows from
    another at once carries the time of that one: two quarters, read from two clocks, would tell that it fell
    on the border between them.
    """
    event_id = event_id or uuid4()
    spoken_at = event.happened_at or at or coarse_now()
    kind, time = event.event_type(), spoken_at.isoformat().replace("+00:00", "Z")
    trace = f'"traceparent":{json.dumps(traceparent)},' if traceparent else ""
    # An f-string for a document of fixed fields: several are made for each report.
    outside = (
        f'"specversion":"1.0","id":"{event_id}","source":"urn:nld:vermoeden:{event.speaker()}","type":"{kind}",'
        f'"subject":{json.dumps(event.subject)},"time":"{time}","datacontenttype":"application/json",'
        f'"municipality":{json.dumps(event.municipality)},{trace}'
    )
    data = event.model_dump_json(by_alias=True, exclude_none=True)
    body = f'{{{outside}"data":{data}}}'.encode()
    if len(body) > MAX_BYTES:
        raise TooLarge(f"{event.name} is {len(body)} bytes; at most {MAX_BYTES} travel in one event")
    speaker = event.speaker()
    return Envelope(event_id, kind, event.municipality, event.subject, spoken_at, body, spoken_by=speaker)


def speaker_of(event_type: str) -> str:
    """The service that an event's type names as its speaker; no user's name for what is no type of ours."""
    if not event_type.startswith(TYPE_PREFIX):
        return f"nobody:{event_type}"
    return event_type.removeprefix(TYPE_PREFIX).split(".", 1)[0]


def is_vouched_for(event_type: str, spoken_by: str) -> bool:
    """Whether this user of the broker is the one service that may speak this type; nobody is none."""
    return bool(spoken_by) and spoken_by == speaker_of(event_type)


def read_envelope(body: bytes, *, spoken_by: str = "") -> Envelope:
    """The outside of a message; raises `Unreadable`, and nothing else, for what is no CloudEvent of ours.

    What it returns can be kept and shown: at most `MAX_BYTES`, and its type, municipality and subject are
    short and printable. `spoken_by` is the message's `user-id`, which the broker compared with who sent it:
    never a word of the message itself. Without it nobody vouches for the message, and no handler gets it.
    """
    if len(body) > MAX_BYTES:
        raise Unreadable("too large")
    try:
        document = from_json(body)
        if document["specversion"] != "1.0" or not isinstance(document["data"], dict):
            raise Unreadable("not a CloudEvent 1.0 with a JSON object as data")  # noqa: TRY301 -- see below
        return Envelope(
            event_id=UUID(document["id"]),
            type=_short(document["type"]),
            municipality=_short(document["municipality"]),
            subject=_short(document["subject"]),
            spoken_at=coarse(datetime.fromisoformat(document["time"])),
            body=body,
            data=document["data"],
            spoken_by=spoken_by,
        )
    except Unreadable:
        raise
    except Exception as error:  # whatever a stranger's bytes lead to: one message must not end a consumer
        raise Unreadable(type(error).__name__) from error


def _short(text: object) -> str:
    if not isinstance(text, str) or len(text) > _MAX_CHARACTERS or not text.isprintable():
        raise Unreadable("an attribute that is no short, printable text")
    return text


def read_event(envelope: Envelope, event: type[Event]) -> Delivery[Event]:
    """The fact inside; raises pydantic's `ValidationError` when it breaks its contract."""
    data = from_json(envelope.body)["data"] if envelope.data is None else envelope.data
    return Delivery(envelope.event_id, event.model_validate(data), envelope.spoken_at)
