"""What casework's paths take; an unknown field is an error."""

from typing import Annotated, Literal
from uuid import UUID

from common.contracts.codes import Code, Correction, PersonalClass, Result, Status
from common.sealed_body import Sealed
from common.web import RequestModel
from pydantic import Field, StringConstraints

_Ciphertext = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]+$", max_length=24 * 1024)]
#: The prose of a report is at most 10,000 characters; placeholders may be longer than what they hide.
MAX_TEXT = 20_000
#: A code and no words: what is written here survives the report.
_Ground = Literal[
    "not-needed",
    "consent-withdrawn",
    "objection",
    "unlawful",
    "legal-duty",
    "incorrect",
    "term-ended",
    "other",
]


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
    digest: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]{43}$")]  # of what is sealed in both
    sealed_question: _Ciphertext
    sealed_copy: Sealed


class CorrectionGiven(RequestModel):
    """One thing that was missed, or hidden by mistake: its class, never what it is."""

    kind: Correction
    personal_class: Annotated[PersonalClass, Field(alias="class")]


class CorrectedText(Versioned):
    """The whole text as it should stand in clear, with placeholders, and what was mended."""

    text: Annotated[str, StringConstraints(max_length=MAX_TEXT, pattern=r"\S")]
    corrections: Annotated[list[CorrectionGiven], Field(max_length=500)]


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
