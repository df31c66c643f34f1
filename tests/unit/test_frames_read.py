"""What is made of frames that hold a stranger's bytes: none ends a connection, and no lie is believed."""

import struct
from typing import cast
from uuid import uuid4

import pamqp.frame
import pytest
from aiormq.channel import Channel
from common.contracts.base import Event
from common.flow import HEARD_BY, SERVICES
from common.messaging.envelope import encode
from common.messaging.publishing import Outgoing, _frames
from common.messaging.receiving import outlive_strangers_bytes
from common.messaging.sender import is_place_of, sender_of
from common.messaging.topology import EXCHANGE, UNROUTED
from hypothesis import given
from hypothesis import strategies as st
from making.examples import example_of
from pamqp import commands
from pamqp.header import ContentHeader

from tests.support.hostile import two_faced

_HEAD = struct.pack(">HHQ", 60, 0, 2)
_texts = st.binary(max_size=255)


class _Wire:
    number = 1
    max_content_size = 1000


def _written(user: str) -> bytes:
    """The content header that we write, as the payload of its frame."""
    frames = _frames(cast("Channel", _Wire()), EXCHANGE, Outgoing(str(uuid4()), "key", b"{}"), user)
    size, _, _ = pamqp.frame.unmarshal(frames)
    header = frames[size:]
    return header[7 : 7 + struct.unpack(">I", header[3:7])[0]]


def _again(header: bytes, *names: bytes) -> bytes:
    """As the broker delivers it again, with these counts."""
    counts = b"".join(bytes([len(name)]) + name + b"l" + struct.pack(">q", 3) for name in names)
    place = 14 + 1 + header[14]
    return (
        header[:12]
        + b"\xb0\x90"
        + header[14:place]
        + struct.pack(">I", len(counts))
        + counts
        + header[place:]
    )


def _frame(kind: int, payload: bytes) -> bytes:
    return struct.pack(">BHI", kind, 1, len(payload)) + payload + b"\xce"


@pytest.mark.parametrize("service", SERVICES)
def test_what_we_write_is_its_senders_also_when_it_is_delivered_again(service: str) -> None:
    header = _written(service)
    again = [_again(header, *names) for names in ((), (b"x-delivery-count",), (b"x-acquired-count",))]
    assert {sender_of(each) for each in (header, *again)} == {service}


@pytest.mark.parametrize("victim", SERVICES)
def test_a_header_with_two_users_is_nobodys(victim: str) -> None:
    outlive_strangers_bytes()
    data = _HEAD + two_faced("reporting", victim, "casework.report-erased.v1")
    header = ContentHeader()
    header.unmarshal(data)
    assert header.properties.user_id == victim  # what the client reads
    assert sender_of(data) == ""


@given(st.data())
def test_nothing_but_what_we_write_is_anybodys(data: st.DataObject) -> None:
    """Whatever is changed in a header of ours: it is the same sender's, or nobody's."""
    header = bytearray(_again(_written("casework"), b"x-delivery-count"))
    at = data.draw(st.integers(0, len(header)))
    gone = data.draw(st.integers(0, 3))
    header[at : at + gone] = data.draw(st.binary(max_size=4))
    if sender := sender_of(bytes(header)):
        assert sender == "casework"
        properties = commands.Basic.Properties()
        properties.unmarshal(struct.unpack(">H", header[12:14])[0], bytes(header[14:]))
        assert properties.user_id == "casework"
        assert set(properties.headers or ()) <= {"x-delivery-count", "x-acquired-count"}


@pytest.mark.parametrize(
    "changes",
    [
        {"expiration": "1000"},
        {"reply_to": "x"},
        {"headers": {"CC": ["x"]}},
        {"headers": {"BCC": ["x"]}},
        {"delivery_mode": 1},
        {"content_type": "application/json"},
        {"message_id": None},
        {"user_id": "nobody"},
        {"user_id": None},
    ],
)
def test_a_property_that_we_do_not_write_makes_it_nobodys(changes: dict[str, object]) -> None:
    ours = {"content_type": "application/cloudevents+json", "delivery_mode": 2, "message_id": str(uuid4())}
    properties = commands.Basic.Properties(**{**ours, "user_id": "intake", **changes})  # type: ignore[arg-type]
    written = ContentHeader(body_size=2, properties=properties).marshal()
    assert sender_of(written) == ""


@pytest.mark.parametrize("kind", list(HEARD_BY))
def test_an_event_is_believed_under_its_own_key_only(kind: type[Event]) -> None:
    event: Event = example_of(kind)
    envelope = encode(event)
    assert is_place_of(envelope.type, EXCHANGE, event.name)
    for exchange, key in (
        (UNROUTED, event.name),
        ("", event.name),
        (EXCHANGE, "x"),
        (EXCHANGE, event.name + "."),
        (EXCHANGE, None),
    ):
        assert not is_place_of(envelope.type, exchange, key)


@given(_texts, _texts, _texts)
def test_no_short_text_of_a_stranger_ends_a_connection(one: bytes, two: bytes, three: bytes) -> None:
    outlive_strangers_bytes()
    texts = [bytes([len(each)]) + each for each in (one, two, three)]
    number, size = struct.pack(">Q", 7), struct.pack(">I", 1)
    methods: list[tuple[type[object], bytes]] = [
        (commands.Basic.Deliver, texts[0] + number + b"\0" + texts[1] + texts[2]),
        (commands.Basic.GetOk, number + b"\1" + texts[0] + texts[1] + size),
        (commands.Basic.GetEmpty, texts[0]),
        (commands.Basic.Return, b"\x01\x38" + texts[0] + texts[1] + texts[2]),
        (commands.Basic.Cancel, texts[0] + b"\1"),
        (commands.Basic.CancelOk, texts[0]),
        (commands.Basic.ConsumeOk, texts[0]),
        (commands.Channel.Close, b"\x01\x38" + texts[0] + b"\0\1\0\1"),
        (commands.Connection.Close, b"\x01\x38" + texts[0] + b"\0\1\0\1"),
        (commands.Connection.Blocked, texts[0]),
        (commands.Queue.DeclareOk, texts[0] + size + size),
    ]
    for kind, arguments in methods:
        payload = struct.pack(">I", kind.index) + arguments  # type: ignore[attr-defined]
        _, _, frame = pamqp.frame.unmarshal(_frame(1, payload))
        assert isinstance(frame, kind)


@given(st.binary(max_size=300), st.integers(0, 0xFFFF))
def test_no_property_of_a_stranger_ends_a_connection(properties: bytes, flags: int) -> None:
    outlive_strangers_bytes()
    for written in (properties, struct.pack(">H", flags) + properties):
        _, _, frame = pamqp.frame.unmarshal(_frame(2, _HEAD + written))
        assert isinstance(frame, ContentHeader)
        assert getattr(frame, "sender", "") == ""


def test_a_frame_that_is_broken_still_ends_it() -> None:
    outlive_strangers_bytes()
    payload = struct.pack(">I", commands.Basic.CancelOk.index) + b"\x05ab"
    with pytest.raises(pamqp.exceptions.UnmarshalingException):
        pamqp.frame.unmarshal(_frame(1, payload))
