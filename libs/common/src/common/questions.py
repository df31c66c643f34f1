"""A question, sealed twice: its reporter and colleagues hold what they open against one digest, on record."""

import hashlib
import secrets

from common.sealing import encode
from common.vouching import NotVouched

_SALT_BYTES = 16


def committed(question: str) -> tuple[str, str]:
    """What is sealed to both readers, and its digest (base64url SHA-256).

    A line of random characters comes first, so that the digest does not tell which question it is.
    """
    said = f"{encode(secrets.token_bytes(_SALT_BYTES))}\n{question}"
    return said, _digest(said)


def question_of(said: str, digest: str) -> str:
    """The question in what was opened; raises `NotVouched` when the digest on record is not of this.

    One that was asked before questions had a digest (an empty one) is as it was opened.
    """
    if not digest:
        return said
    _, line_end, question = said.partition("\n")
    if not line_end or _digest(said) != digest:
        raise NotVouched("other-question")
    return question


def _digest(said: str) -> str:
    return encode(hashlib.sha256(said.encode()).digest())
