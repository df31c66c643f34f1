"""The published test vector of RFC 9180 for our suite, in the shape that `common.sealing` speaks."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from common.sealing import Context
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

_FILE = Path(__file__).with_name("rfc9180.json")


class PlainInfo(Context):
    """A context whose `info` is what the vector says, not our JSON."""

    def info(self) -> bytes:
        """The vector's own."""
        return bytes.fromhex(vector()["info"])


@dataclass(frozen=True)
class Published:
    """What the RFC's working group published, and the message of it that our API can speak."""

    recipient_private: bytes
    recipient_public: bytes
    ephemeral_private: bytes
    info: bytes
    plaintext: bytes
    sealed: bytes  # enc || ciphertext


def vector() -> dict[str, Any]:
    """The vector as it was published."""
    found: dict[str, Any] = json.loads(_FILE.read_text(encoding="utf-8"))["vector"]
    return found


def published() -> Published:
    """The first message of the vector.

    Neither side of our format has room for associated data, and every published message has some: so the
    message is sealed again without, under the published key and nonce. Only who derives exactly these
    from the encapsulated key can open it. That key, nonce and published ciphertext belong together is
    asserted here.
    """
    known = vector()
    key, nonce, first = _hex(known["key"]), _hex(known["base_nonce"]), known["encryptions"][0]
    plaintext = _hex(first["pt"])
    assert AESGCM(key).encrypt(nonce, plaintext, _hex(first["aad"])) == _hex(first["ct"])
    return Published(
        recipient_private=_hex(known["skRm"]),
        recipient_public=_hex(known["pkRm"]),
        ephemeral_private=_hex(known["skEm"]),
        info=_hex(known["info"]),
        plaintext=plaintext,
        sealed=_hex(known["enc"]) + AESGCM(key).encrypt(nonce, plaintext, b""),
    )


def _hex(text: str) -> bytes:
    return bytes.fromhex(text)
