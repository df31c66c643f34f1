"""What casework's paths take; an unknown field is an error."""

from typing import Annotated
from uuid import UUID

from common.contracts.codes import Code, Result, Status
from common.sealing import SealedContent
from common.web import RequestModel
from pydantic import Field, StringConstraints

_MAX_SEALED = 48 * 1024
_Ciphertext = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]+$", max_length=24 * 1024)]
_Ground = Annotated[str, StringConstraints(strip_whitespace=True, min_length=3, max_length=200)]


class SealedWrap(RequestModel):
    """A content key, wrapped for one key group."""

    group: Code
    key_id: Annotated[str, StringConstraints(min_length=1, max_length=100)]
    wrapped_key: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]{80,200}$")]


class Sealed(RequestModel):
    """Content that was sealed in the browser; see docs/sealing.md."""

    version: Annotated[int, Field(ge=1, le=1)] = 1
    nonce: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]{16}$")]
    ciphertext: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]+$", max_length=_MAX_SEALED)]
    wraps: Annotated[list[SealedWrap], Field(min_length=1, max_length=8)]

    def content(self) -> SealedContent:
        """The same, as it is stored."""
        return SealedContent.model_validate(self.model_dump())


class Versioned(RequestModel):
    """The version of the report that the caller read."""

    version: Annotated[int, Field(ge=1)]


class Transition(Versioned):
    """Where the report should go."""

    status: Status


class NewNote(RequestModel):
    """A note; its id is made by the browser, so that a repeat is known."""

    note_id: UUID
    sealed: Sealed


class Closing(Versioned):
    """The result, and what it needs."""

    result: Result
    duplicate_of: UUID | None = None
    sealed_note: NewNote | None = None


class NewOpening(RequestModel):
    """Why the content is opened."""

    purpose: Annotated[str, StringConstraints(pattern="^(assessment|handling|reply|review|quality)$")]


class NewQuestion(Versioned):
    """A question sealed to the reporter, and a copy sealed to the municipality."""

    question_id: UUID
    sealed_question: _Ciphertext
    sealed_copy: Sealed


class NewErasure(Versioned):
    """Why a report must go."""

    reason: Annotated[
        str, StringConstraints(pattern="^(data-subject-request|found-incorrect|retention|other)$")
    ]
    ground: _Ground


class RuleGiven(RequestModel):
    """One routing rule: every condition must hold, each by one of its values."""

    name: Code
    department: Code
    when: Annotated[dict[str, Annotated[list[str], Field(min_length=1, max_length=100)]], Field(max_length=5)]


class RulesGiven(RequestModel):
    """All routing rules in their order, replacing this version."""

    version: Annotated[int, Field(ge=0)]
    rules: Annotated[list[RuleGiven], Field(max_length=500)]
