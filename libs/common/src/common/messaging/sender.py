"""Who sent a message and as what: only what the broker checked, in the one form that we write ourselves.

RabbitMQ compares a message's `user-id` with who is signed in. But it reads a header in its own way, and other
readers find another `user-id` in the same bytes: it overlooks the bit that announces a second word of flags.
So a header is believed only when it is, byte for byte, one that `publishing.py` writes.
"""

import re

from common.contracts.base import TYPE_PREFIX
from common.flow import SERVICES
from common.messaging.envelope import CONTENT_TYPE
from common.messaging.topology import EXCHANGE


def _short(text: str) -> bytes:
    return re.escape(bytes([len(text)]) + text.encode())


# What a quorum queue itself adds to what it delivers again: how often it did, as 64 bits.
_COUNT = rb"\x10x-(?:delivery|acquired)-countl.{8}"
_COUNTS = rb"\x00\x00\x00(?:\x00|\x1a" + _COUNT + rb"|\x34" + _COUNT + _COUNT + rb")"
_USERS = b"|".join(_short(service) for service in SERVICES)
#: A content header (AMQP 0-9-1, 4.2.6.1): class `basic`, no weight, any size; then the word of flags, and
#: after it content-type, (headers,) delivery-mode 2, message-id and user-id, and nothing else.
_OURS = re.compile(
    rb"\x00\x3c\x00\x00.{8}"
    rb"(?:\x90\x90" + _short(CONTENT_TYPE) + rb"|\xb0\x90" + _short(CONTENT_TYPE) + _COUNTS + rb")"
    rb"\x02\x24[0-9a-f-]{36}(" + _USERS + rb")",
    re.DOTALL,
)


def sender_of(header: bytes) -> str:
    """The service under whose user the broker took a message; empty when its header is not one of ours.

    `header` is the payload of the frame, as it came. So nobody vouches for what has a carbon copy, a term, a
    header or a flag that we do not write.
    """
    found = _OURS.fullmatch(header)
    return found[1][1:].decode() if found else ""


def is_place_of(event_type: str, exchange: str | None, key: str | None) -> bool:
    """Whether a message that came by this exchange under this key may be an event of this type.

    The broker checks the right to a key: what came under another says what its sender may not.
    """
    return exchange == EXCHANGE and key is not None and event_type == TYPE_PREFIX + key
