"""What casework says: where a report went, what was done, and what its reporter and partners may hear."""

from typing import Annotated, ClassVar
from uuid import UUID

from pydantic import WithJsonSchema

from common.contracts.base import Event, Moment, WireModel
from common.contracts.codes import (
    Code,
    Correction,
    ErasureGround,
    FeedbackKey,
    PersonalClass,
    Result,
    Status,
    Urgency,
)
from common.contracts.gateway import Signer


class ReportRouted(Event):
    """The report has an owner: a department, by this rule."""

    name: ClassVar[str] = "casework.report-routed.v1"
    when: ClassVar[str | None] = "routed_at"

    report_id: UUID
    version: int
    department: Code
    rule: str
    rules_version: int
    due_at: Moment
    routed_at: Moment


class ReportTaken(Event):
    """A handler took the report."""

    name: ClassVar[str] = "casework.report-taken.v1"
    when: ClassVar[str | None] = "taken_at"

    report_id: UUID
    version: int
    department: Code
    taken_at: Moment


class ReportStatusChanged(Event):
    """The report moved; `report-taken` and `report-closed` say more of their own moves."""

    name: ClassVar[str] = "casework.report-status-changed.v1"
    when: ClassVar[str | None] = "changed_at"

    report_id: UUID
    version: int
    status: Status
    changed_at: Moment


class ReportClosed(Event):
    """The report was closed with a result."""

    name: ClassVar[str] = "casework.report-closed.v1"
    when: ClassVar[str | None] = "closed_at"

    report_id: UUID
    version: int
    result: Result
    closed_at: Moment


class ReportReopened(Event):
    """A closed report is open again; earlier results no longer count."""

    name: ClassVar[str] = "casework.report-reopened.v1"
    when: ClassVar[str | None] = "reopened_at"

    report_id: UUID
    version: int
    due_at: Moment | None = None  # when it was given another time to be assessed
    reopened_at: Moment


class CorrectionCount(WireModel):
    """How often one correction was made of one class."""

    correction: Correction
    personal_class: PersonalClass
    count: int


class AnonymisationCorrected(Event):
    """A handler mended an anonymised text; counts only, and not of which report."""

    name: ClassVar[str] = "casework.anonymisation-corrected.v1"
    when: ClassVar[str | None] = "corrected_at"
    about: ClassVar[str] = "correction_id"

    correction_id: UUID
    corrections: tuple[CorrectionCount, ...]
    corrected_at: Moment


class NoticeDue(Event):
    """The reporter should hear this; carries no report id and no content."""

    name: ClassVar[str] = "casework.notice-due.v1"
    when: ClassVar[str | None] = "due_at"
    about: ClassVar[str] = "reporter_handle"

    reporter_handle: UUID
    feedback: FeedbackKey
    version: int  # grows with the report; a mailbox shows notices in this order
    due_at: Moment


class QuestionAsked(Event):
    """A question sealed to the reporter's key, and the key to seal the reply to."""

    name: ClassVar[str] = "casework.question-asked.v1"
    when: ClassVar[str | None] = "asked_at"
    about: ClassVar[str] = "reporter_handle"

    reporter_handle: UUID
    question_id: UUID
    sealed_question: str  # base64url HPKE to the reporter's public key
    digest: str = ""  # base64url SHA-256 of what is sealed in it, and in the colleagues' copy
    reply_key_id: str
    reply_key_group: str
    reply_public_key: str  # base64url X25519 of the municipality's key group
    reply_key_signature: str = ""  # base64url Ed25519, of the last signer
    signers: tuple[Signer, ...] = ()  # of the municipality, oldest first
    asked_at: Moment


class WorkArrived(Event):
    """A department got work; no content."""

    name: ClassVar[str] = "casework.work-arrived.v1"
    when: ClassVar[str | None] = "arrived_at"
    about: ClassVar[str] = "department"

    department: Code
    urgency: Urgency
    count: int
    arrived_at: Moment


class ReportOffered(Event):
    """Offered to one partner under a partner-specific opaque id."""

    name: ClassVar[str] = "casework.report-offered.v1"
    about: ClassVar[str] = "offer_id"

    offer_id: UUID
    partner: Code
    signal_type: Code
    urgency: Urgency
    neighbourhood: str | None = None
    due_at: Moment
    ground: str  # the legal ground that the municipality recorded for this subscription

    @property
    def routing_key(self) -> str:
        """One key per partner, so that a partner's queue is bound to its own offers only."""
        return f"{self.name}.{self.municipality}.{self.partner}"


class ReportErased(Event):
    """Everything about this report must go; the tombstone wins over anything late."""

    name: ClassVar[str] = "casework.report-erased.v1"
    when: ClassVar[str | None] = "erased_at"
    erases: ClassVar[bool] = True

    report_id: UUID
    reporter_handle: UUID
    reason: str
    # Text in the schema of this version: older speakers sent words, which are read as `other`.
    ground: Annotated[ErasureGround, WithJsonSchema({"type": "string"})]
    erased_at: Moment

    @property
    def touches(self) -> tuple[str, ...]:
        """What is said of the report, and what is said of its reporter."""
        return (str(self.report_id), str(self.reporter_handle))
