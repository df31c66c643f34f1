"""Sealing to public keys only: HPKE (RFC 9180) around padded AES-256-GCM; format in docs/sealing.md."""

import json
import os
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Sequence
from dataclasses import dataclass

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hpke import AEAD, KDF, KEM, Suite
from cryptography.hazmat.primitives.kdf.argon2 import Argon2id
from pydantic import BaseModel, ConfigDict
from pydantic.alias_generators import to_camel

_SUITE = Suite(KEM.X25519, KDF.HKDF_SHA256, AEAD.AES_256_GCM)
_LABEL = "vermoeden/v1"
_BUCKETS = (4096, 8192, 16384)
ADDRESS_BUCKETS = (320,)  # no mail address is longer (RFC 5321, 4.5.3.1)
_NONCE_BYTES = 12
_KEY_BYTES = 32
ARGON2_MEMORY_KIB = 64 * 1024
ARGON2_PASSES = 3


class CannotOpen(Exception):
    """Wrong key, wrong context, or changed bytes; which of these is not told."""


@dataclass(frozen=True)
class KeyPair:
    """An X25519 key pair as raw 32-byte halves."""

    private: bytes
    public: bytes


@dataclass(frozen=True)
class Context:
    """What a ciphertext is bound to, so that it cannot be moved to another place."""

    municipality: str
    compartment: str
    subject: str
    key_id: str = ""

    def info(self) -> bytes:
        """The HPKE `info`: a JSON array, so that no two contexts share an encoding."""
        return json.dumps(
            [_LABEL, self.municipality, self.compartment, self.subject, self.key_id],
            separators=(",", ":"),
            ensure_ascii=False,
        ).encode()


@dataclass(frozen=True)
class Recipient:
    """A key group that may open a content."""

    group: str
    key_id: str
    public_key: bytes


class _Wire(BaseModel):
    model_config = ConfigDict(
        frozen=True,
        alias_generator=to_camel,
        populate_by_name=True,
        extra="ignore",
        hide_input_in_errors=True,
    )


class Wrap(_Wire):
    """The content key, wrapped by HPKE for one key group."""

    group: str
    key_id: str
    wrapped_key: str  # base64url


class SealedContent(_Wire):
    """A content sealed under a random key of its own, and that key wrapped for each recipient."""

    version: int = 1
    nonce: str  # base64url, 12 bytes
    ciphertext: str  # base64url, AES-256-GCM over the padded content
    wraps: tuple[Wrap, ...]


class WrappedPrivateKey(_Wire):
    """A private key under a passphrase: Argon2id, then AES-256-GCM; in version 2 with a signer."""

    version: int = 2
    salt: str
    memory_kib: int
    passes: int
    nonce: str
    ciphertext: str


def generate_key_pair() -> KeyPair:
    """A fresh X25519 key pair."""
    return key_pair_of(X25519PrivateKey.generate().private_bytes_raw())


def key_pair_of(private: bytes) -> KeyPair:
    """The key pair of a raw 32-byte private half."""
    public = X25519PrivateKey.from_private_bytes(private).public_key()
    return KeyPair(private, public.public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw))


def seal(plaintext: bytes, public_key: bytes, context: Context) -> bytes:
    """HPKE base mode: ``enc || ciphertext``, 48 bytes longer than the plaintext."""
    return _SUITE.encrypt(plaintext, X25519PublicKey.from_public_bytes(public_key), context.info())


def open_sealed(sealed: bytes, private_key: bytes, context: Context) -> bytes:
    """The plaintext of `seal`; `CannotOpen` for a wrong key, context or changed bytes."""
    try:
        return _SUITE.decrypt(sealed, X25519PrivateKey.from_private_bytes(private_key), context.info())
    except (InvalidTag, ValueError) as error:
        raise CannotOpen from error


def seal_content(
    plaintext: bytes,
    recipients: Sequence[Recipient],
    *,
    municipality: str,
    compartment: str,
    subject: str,
) -> SealedContent:
    """Seal a content for key groups; its length is hidden in buckets of 4, 8, 16 KiB and up."""
    key, nonce = AESGCM.generate_key(256), os.urandom(_NONCE_BYTES)
    bound_to = Context(municipality, compartment, subject).info()
    return SealedContent(
        nonce=encode(nonce),
        ciphertext=encode(AESGCM(key).encrypt(nonce, pad(plaintext), bound_to)),
        wraps=tuple(
            Wrap(
                group=recipient.group,
                key_id=recipient.key_id,
                wrapped_key=encode(
                    seal(
                        key,
                        recipient.public_key,
                        Context(municipality, compartment, subject, recipient.key_id),
                    )
                ),
            )
            for recipient in recipients
        ),
    )


def open_content(
    sealed: SealedContent,
    key_id: str,
    private_key: bytes,
    *,
    municipality: str,
    compartment: str,
    subject: str,
) -> bytes:
    """The content behind one of its wraps; `CannotOpen` when there is no such wrap or anything differs."""
    wrap = next((wrap for wrap in sealed.wraps if wrap.key_id == key_id), None)
    if wrap is None:
        raise CannotOpen
    key = open_sealed(
        decode(wrap.wrapped_key), private_key, Context(municipality, compartment, subject, key_id)
    )
    bound_to = Context(municipality, compartment, subject).info()
    try:
        return unpad(AESGCM(key).decrypt(decode(sealed.nonce), decode(sealed.ciphertext), bound_to))
    except (InvalidTag, ValueError) as error:
        raise CannotOpen from error


def seal_text(text: str, public_key: bytes, context: Context, *, buckets: Sequence[int] = _BUCKETS) -> bytes:
    """A text for one reader: HPKE over its UTF-8, padded so that its length is not told."""
    return seal(pad(text.encode(), buckets), public_key, context)


def open_text(sealed: bytes, private_key: bytes, context: Context) -> str:
    """The text of `seal_text`; `CannotOpen` for anything else."""
    try:
        return unpad(open_sealed(sealed, private_key, context)).decode()
    except ValueError as error:
        raise CannotOpen from error


def pad(plaintext: bytes, buckets: Sequence[int] = _BUCKETS) -> bytes:
    """The content, a 0x80 byte and zeros, up to the next bucket (ISO/IEC 7816-4)."""
    needed = len(plaintext) + 1
    size = next((bucket for bucket in buckets if needed <= bucket), -(-needed // buckets[-1]) * buckets[-1])
    return plaintext + b"\x80" + bytes(size - needed)


def unpad(padded: bytes) -> bytes:
    """The content inside `pad`; ValueError when there is no end mark."""
    content, mark, _ = padded.rpartition(b"\x80")
    if not mark or any(padded[len(content) + 1 :]):
        raise ValueError("no padding mark")
    return content


def wrap_private_key(private: bytes, signer: bytes, passphrase: str, context: Context) -> WrappedPrivateKey:
    """A person's private key under a passphrase, as their browser stores it on the server.

    With it goes the Ed25519 key of who vouches for the municipality's keys: whoever can write the row cannot
    put another there.
    """
    salt, nonce = os.urandom(16), os.urandom(_NONCE_BYTES)
    key = _passphrase_key(passphrase, salt, ARGON2_MEMORY_KIB, ARGON2_PASSES)
    return WrappedPrivateKey(
        salt=encode(salt),
        memory_kib=ARGON2_MEMORY_KIB,
        passes=ARGON2_PASSES,
        nonce=encode(nonce),
        ciphertext=encode(AESGCM(key).encrypt(nonce, private + signer, context.info())),
    )


def unwrap_private_key(wrapped: WrappedPrivateKey, passphrase: str, context: Context) -> tuple[bytes, bytes]:
    """The private key behind a passphrase, and the signer (version 1: none); `CannotOpen` for a wrong one."""
    key = _passphrase_key(passphrase, decode(wrapped.salt), wrapped.memory_kib, wrapped.passes)
    try:
        kept = AESGCM(key).decrypt(decode(wrapped.nonce), decode(wrapped.ciphertext), context.info())
    except InvalidTag as error:
        raise CannotOpen from error
    return kept[:_KEY_BYTES], kept[_KEY_BYTES:]


def _passphrase_key(passphrase: str, salt: bytes, memory_kib: int, passes: int) -> bytes:
    kdf = Argon2id(salt=salt, length=32, iterations=passes, lanes=1, memory_cost=memory_kib)
    return kdf.derive(passphrase.encode())


def encode(raw: bytes) -> str:
    """Base64url without padding, as keys and ciphertexts travel."""
    return urlsafe_b64encode(raw).rstrip(b"=").decode()


def decode(text: str) -> bytes:
    """The bytes behind base64url text, padded or not; ValueError for anything else."""
    return urlsafe_b64decode(text + "=" * (-len(text) % 4))
