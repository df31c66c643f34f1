"""Sealed content as a request carries it: the shape that every service checks alike (docs/sealing.md)."""

from typing import Annotated

from pydantic import AfterValidator, Field, StringConstraints
from pydantic_core import PydanticCustomError

from common.contracts.codes import Code
from common.sealing import SealedContent
from common.web import RequestModel

_MAX_SEALED = 48 * 1024


class SealedWrap(RequestModel):
    """A content key, wrapped for one key group."""

    group: Code
    key_id: Annotated[str, StringConstraints(min_length=1, max_length=100)]
    wrapped_key: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]{80,200}$")]


def _each_key_once(wraps: list[SealedWrap]) -> list[SealedWrap]:
    if len({wrap.key_id for wrap in wraps}) < len(wraps):
        raise PydanticCustomError("repeated-key", "Wrap the content key once for each keyId.")
    return wraps


class Sealed(RequestModel):
    """Content that was sealed in the browser."""

    version: Annotated[int, Field(ge=1, le=1)] = 1
    nonce: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]{16}$")]
    ciphertext: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]+$", max_length=_MAX_SEALED)]
    wraps: Annotated[list[SealedWrap], Field(min_length=1, max_length=8), AfterValidator(_each_key_once)]

    def content(self) -> SealedContent:
        """The same, as it is stored."""
        return SealedContent.model_validate(self.model_dump())
