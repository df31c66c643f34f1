"""The receipt: derived from the client's idempotency key, and itself the source of the mailbox."""

import hashlib
import hmac
import re
from dataclasses import dataclass
from uuid import UUID

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from common.sealing import encode, key_pair_of
from common.vouching import Signing

_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"  # Crockford base 32
_CHECKS = _ALPHABET + "*~$=U"  # the check symbol is the value modulo 37
_LENGTH = 20
_BITS = 100
_MISREAD = str.maketrans({"O": "0", "I": "1", "L": "1"})
_KEY = re.compile(r"[A-Za-z0-9_-]{22,128}")


class WrongKey(ValueError):
    """The idempotency key is too short or holds other characters."""


class WrongReceipt(ValueError):
    """This is no receipt; the message says what is wrong: length, character or check."""


@dataclass(frozen=True)
class Mailbox:
    """What a receipt opens: the look-up id under which it is stored, and its keys."""

    lookup_id: str
    private_key: bytes  # X25519: opens questions
    public_key: bytes
    pin_key: bytes  # for `common.vouching.mailbox_pin`
    signing: Signing  # of replies
    reply_key: bytes  # for `reply_id`


def parse_key(text: str) -> bytes:
    """The bytes of an idempotency key: base64url of at least 16 random bytes, made by the client."""
    if not _KEY.fullmatch(text):
        raise WrongKey("an idempotency key is base64url of at least 16 random bytes (22 to 128 characters)")
    return text.encode()


def derive_receipt(key: bytes) -> str:
    """The receipt of a key: 100 bits by HKDF-SHA256 as 20 Crockford characters and a check character."""
    number = int.from_bytes(_hkdf(key, b"vermoeden/receipt/v1", 16)) >> (128 - _BITS)
    text = "".join(_ALPHABET[number >> shift & 31] for shift in range(_BITS - 5, -1, -5))
    return _grouped(text + _CHECKS[number % 37])


def parse_receipt(text: str) -> str:
    """The receipt as it was given out, from what a person typed; raises `WrongReceipt`."""
    plain = re.sub(r"[\s-]", "", text).upper().translate(_MISREAD)
    if len(plain) != _LENGTH + 1:
        raise WrongReceipt("length")
    body, check = plain[:_LENGTH], plain[_LENGTH]
    if any(character not in _ALPHABET for character in body):
        raise WrongReceipt("character")
    number = 0
    for character in body:
        number = number << 5 | _ALPHABET.index(character)
    if _CHECKS[number % 37] != check:
        raise WrongReceipt("check")
    return _grouped(plain)


def mailbox_of(receipt: str) -> Mailbox:
    """The mailbox behind a receipt (as `parse_receipt` gives it); every half derived by HKDF-SHA256."""
    secret = receipt.replace("-", "")[:_LENGTH].encode()
    pair = key_pair_of(_hkdf(secret, b"vermoeden/mailbox-key/v1", 32))
    lookup_id = encode(_hkdf(secret, b"vermoeden/mailbox-lookup/v1", 16))
    signing = Signing(encode(_hkdf(secret, b"vermoeden/mailbox-sign/v1", 32)))
    return Mailbox(
        lookup_id=lookup_id,
        private_key=pair.private,
        public_key=pair.public,
        pin_key=_hkdf(secret, b"vermoeden/mailbox-pin/v1", 32),
        signing=signing,
        reply_key=_hkdf(secret, b"vermoeden/mailbox-reply/v1", 32),
    )


def reply_id(mailbox: Mailbox, question_id: UUID, form_key: str, written: str) -> UUID:
    """The id of a reply that a form without script sends: the same for the same words of the same form.

    So a form that is sent again is one reply, and other words are another. Opaque without the receipt.
    """
    said = b"\0".join((question_id.bytes, form_key.encode(), written.encode()))
    return UUID(bytes=hmac.digest(mailbox.reply_key, said, "sha256")[:16], version=4)


def hash_of_key(key: bytes) -> bytes:
    """What is kept of an idempotency key: enough to know it again, not to derive the receipt."""
    return hashlib.sha256(b"vermoeden/key-hash/v1" + key).digest()


def body_mac(key: bytes, body: bytes) -> bytes:
    """What is kept of a body, to tell a repeat from another body; opaque without the key."""
    return hmac.digest(key, b"vermoeden/body/v1" + body, "sha256")


def _hkdf(secret: bytes, info: bytes, length: int) -> bytes:
    return HKDF(hashes.SHA256(), length, salt=None, info=info).derive(secret)


def _grouped(plain: str) -> str:
    return "-".join((plain[0:5], plain[5:10], plain[10:15], plain[15:20], plain[20:]))


__all__ = [
    "Mailbox",
    "WrongKey",
    "WrongReceipt",
    "body_mac",
    "derive_receipt",
    "hash_of_key",
    "mailbox_of",
    "parse_key",
    "parse_receipt",
    "reply_id",
]
