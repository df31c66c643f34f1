"""Who vouches for a public key: custodians, intake, the reporter; formats in docs/sealing.md.

A public key is a row, and whoever can write the row could put their own in its place. So each is signed
(Ed25519) by somebody whose own key the reader has pinned before.
"""

import hashlib
import hmac
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from common import metrics
from common.log import get_logger
from common.sealing import SealedContent, decode, encode

log = get_logger()
_LABEL = "vermoeden/v1"


class NotVouched(Exception):
    """Nobody whom the reader trusts signed this; the message says what is wrong, as a code."""


class Succession(Protocol):
    """A signer, and the signature of the one before it; the first has none."""

    @property
    def public_key(self) -> str:
        """Base64url Ed25519."""

    @property
    def signature(self) -> str:
        """Base64url."""


@dataclass(frozen=True)
class ReporterKeys:
    """What intake says of a new report: which keys its reporter has, and which content was sealed."""

    municipality: str
    report_id: str
    public_key: str  # base64url X25519: questions are sealed to it
    verify_key: str  # base64url Ed25519: replies are signed with its private half
    digest: str  # of the sealed content, as `digest_of` makes it

    def statement(self) -> bytes:
        """What intake signs."""
        return _statement(
            "report", self.municipality, self.report_id, self.public_key, self.verify_key, self.digest
        )


class Vouched(Protocol):
    """The public half of a key group, with a signer's signature."""

    @property
    def group(self) -> str:
        """Its code."""

    @property
    def key_id(self) -> str:
        """Its id."""

    @property
    def public_key(self) -> str:
        """Base64url X25519."""

    @property
    def signature(self) -> str:
        """Base64url."""


class Protecting(Protocol):
    """What a municipality's custodians say of what protects its reports, with a signer's signature."""

    @property
    def text_in_clear(self) -> bool:
        """Whether the anonymised text may leave intake unsealed."""

    @property
    def restricted_types(self) -> tuple[str, ...] | None:
        """The signal types that are restricted; None for those of the software's own forms."""

    @property
    def signature(self) -> str:
        """Base64url."""


class Signing:
    """The private half with which somebody vouches."""

    def __init__(self, private: str) -> None:
        self._key = Ed25519PrivateKey.from_private_bytes(decode(private))

    @property
    def private_key(self) -> str:
        """Itself, base64url: for who keeps it."""
        return encode(self._key.private_bytes_raw())

    @property
    def public_key(self) -> str:
        """The half that others pin, base64url."""
        return encode(self._key.public_key().public_bytes_raw())

    def sign(self, statement: bytes) -> str:
        """The signature, base64url."""
        return encode(self._key.sign(statement))


def new_signing_key() -> str:
    """A fresh private half, base64url."""
    return encode(Ed25519PrivateKey.generate().private_bytes_raw())


def group_key_statement(municipality: str, group: str, key_id: str, public_key: str) -> bytes:
    """What custodians sign of a key group's public half."""
    return _statement("group-key", municipality, group, key_id, public_key)


def protections_statement(municipality: str, protections: Protecting) -> bytes:
    """What custodians sign of what protects the reports of a municipality."""
    named = protections.restricted_types
    types = None if named is None else list(named)
    return _statement("protections", municipality, protections.text_in_clear, types)


def succession_statement(municipality: str, public_key: str) -> bytes:
    """What a signer signs of the one that comes after it."""
    return _statement("signer", municipality, public_key)


def pin_statement(municipality: str, signer: str, position: int = 0, before: str = "") -> bytes:
    """What a service signs, for itself, of the signer that it pinned: which pin it is, and after which.

    `before` is the seal of the pin before it; the first pin (position 0) comes after none.
    """
    return _statement("pin", municipality, signer, *((str(position), before) if position else ()))


def reply_statement(municipality: str, question_id: str, reply_id: str, sealed: SealedContent) -> bytes:
    """What a reporter signs of a reply."""
    return _statement("reply", municipality, question_id, reply_id, digest_of(sealed))


def digest_of(sealed: SealedContent) -> str:
    """SHA-256 of nonce and ciphertext, base64url; wraps may be added and taken away."""
    return encode(hashlib.sha256(decode(sealed.nonce) + decode(sealed.ciphertext)).digest())


def require_signed(statement: bytes, signature: str, public_key: str, code: str = "not-signed") -> None:
    """Raise `NotVouched` unless this key signed this statement."""
    try:
        key = Ed25519PublicKey.from_public_bytes(decode(public_key))
        key.verify(decode(signature), statement)
    except (InvalidSignature, ValueError) as error:
        raise NotVouched(code) from error


def current_signer(municipality: str, signers: Sequence[Succession], pinned: str | None = None) -> str:
    """The last of a chain of signers, each of whom signed the next; raises `NotVouched`.

    With `pinned` that one must be in the chain, and everything after it must hold; what came before it counts
    no longer. Without: the whole chain must hold.
    """
    if not signers:
        raise NotVouched("no-signer")
    known = [each.public_key for each in signers]
    if pinned is not None and pinned not in known:
        raise NotVouched("other-signer")
    start = 0 if pinned is None else known.index(pinned)
    for before, after in zip(signers[start:], signers[start + 1 :], strict=False):
        statement = succession_statement(municipality, after.public_key)
        require_signed(statement, after.signature, before.public_key, "signer-not-signed")
    return known[-1]


def mailbox_pin(pin_key: bytes, signer: str, group: str) -> str:
    """What a mailbox keeps of the signer and key group of its report: only the receipt makes or checks it."""
    return encode(hmac.digest(pin_key, _statement("mailbox", signer, group), "sha256"))


def require_group_key(municipality: str, key: Vouched, signer: str) -> None:
    """Raise `NotVouched` unless this signer vouches for the public half of a key group."""
    statement = group_key_statement(municipality, key.group, key.key_id, key.public_key)
    require_signed(statement, key.signature, signer, "key-not-signed")


def require_protections(municipality: str, protections: Protecting, signer: str) -> None:
    """Raise `NotVouched` unless this signer signed what protects the reports of this municipality."""
    statement = protections_statement(municipality, protections)
    require_signed(statement, protections.signature, signer, "protections-not-signed")


def require_pinned_key(
    municipality: str, key: Vouched, signers: Sequence[Succession], pin: str, pin_key: bytes
) -> None:
    """Raise `NotVouched` unless a signer that a mailbox pinned, or one after it, vouches for this key."""
    for each in signers:
        if hmac.compare_digest(mailbox_pin(pin_key, each.public_key, key.group), pin):
            require_group_key(municipality, key, current_signer(municipality, signers, each.public_key))
            return
    raise NotVouched("other-signer")


def raise_alarm(where: str, municipality: str, reason: str) -> None:
    """Count and log that something was refused for want of a signature; no report or person is told of."""
    metrics.KEYS_REFUSED.labels(where).inc()
    log.error("keys.refused", where=where, municipality=municipality, reason=reason)


def _statement(what: str, *parts: str | bool | list[str] | None) -> bytes:
    return json.dumps([_LABEL, what, *parts], separators=(",", ":"), ensure_ascii=False).encode()
