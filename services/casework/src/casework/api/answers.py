"""What casework answers; FastAPI holds every answer to these models, so that the API document is true."""

from datetime import date
from uuid import UUID

from common.contracts.base import Moment, WireModel
from common.contracts.codes import Channel, Code, ErasureGround, Result, Status, Urgency
from common.contracts.gateway import GroupKey
from common.contracts.intake import SealedAttachment, Voucher
from common.sealing import SealedContent
from pydantic import ConfigDict


class ReportLine(WireModel):
    """A report as the work list has it."""

    id: UUID
    version: int  # send it with each change
    signal_type: Code
    signal_type_name: str
    urgency: Urgency
    neighbourhood: str | None
    department: Code | None
    status: Status
    received_at: Moment
    due_at: Moment
    is_overdue: bool
    is_restricted: bool
    taken_by: UUID | None
    is_mine: bool
    has_new_reply: bool


class Counts(WireModel):
    """How many reports the caller may see; each stops at 1,000."""

    open: int
    new: int
    overdue: int
    mine: int


class WorkList(WireModel):
    """One page; `next` is the cursor of the next."""

    reports: list[ReportLine]
    next: str | None
    counts: Counts


class ReplyLine(WireModel):
    """That a reply came; what it says is sealed."""

    reply_id: UUID
    given_at: Moment


class QuestionLine(WireModel):
    """That a question was asked; what it says is sealed."""

    question_id: UUID
    asked_at: Moment
    asked_by: UUID
    replies: list[ReplyLine]


class NoteLine(WireModel):
    """That a note was made; what it says is sealed."""

    note_id: UUID
    by: UUID | None
    at: Moment


class AttachmentLine(WireModel):
    """A file that came with the report; what it shows is sealed."""

    id: UUID
    media_type: str
    size_bytes: int


class ReportShown(ReportLine):
    """Everything of a report that a server may know, and what the caller may do with it now."""

    channel: Channel
    reporter_kind: Code
    observed_on: date | None
    received_elsewhere_at: Moment | None  # when staff heard it, rounded down to a quarter of an hour
    choice_answers: dict[str, str | list[str]]
    forms_version: int
    anonymised_text: str | None
    needs_review: bool
    is_traceable: bool
    has_identity: bool
    rule: str | None
    rules_version: int | None
    taken_at: Moment | None
    closed_at: Moment | None
    result: Result | None
    duplicate_of: UUID | None
    permitted_statuses: list[Status]
    may_take: bool
    may_close: bool
    may_reopen: bool
    may_ask: bool
    text_in_clear: bool  # whether this municipality lets anonymised texts be kept in clear
    may_correct: bool  # the anonymised text
    reporter_public_key: str
    voucher: Voucher | None  # intake's word for that key; without it nobody is asked (docs/sealing.md)
    key: GroupKey
    questions: list[QuestionLine]
    notes: list[NoteLine]
    attachments: list[AttachmentLine]


class HistoryLine(WireModel):
    """One thing that happened; codes and ids beside these fields tell more."""

    model_config = ConfigDict(extra="allow")

    version: int
    at: Moment
    by: UUID | None
    what: str


class History(WireModel):
    """What happened to a report, oldest first."""

    history: list[HistoryLine]


class ErasedReport(WireModel):
    """The report was found incorrect and is gone."""

    id: UUID
    is_erased: bool


class SealedPart(WireModel):
    """One sealed part, and the context that opens it (docs/sealing.md)."""

    compartment: str
    subject: str
    reply_id: UUID | None = None
    digest: str | None = None  # of a question: what its copy holds must be what this is of (docs/sealing.md)
    signature: str | None = None  # of a reply, by its reporter's key; empty when there is none
    sealed: SealedContent
    at: Moment
    by: UUID | None


class OpeningShown(WireModel):
    """What an opening hands out, after it is on record."""

    opening_id: UUID
    sealed: list[SealedPart]
    attachments: list[SealedAttachment]  # the ciphertext: GET /api/v1/attachments/{id}/content


class NoteKept(WireModel):
    """The note is kept."""

    note_id: UUID


class Confirmed(WireModel):
    """When each service confirmed; null while it has not."""

    intake: Moment | None
    notifier: Moment | None
    reporting: Moment | None


class Certificate(WireModel):
    """The certificate of an erasure."""

    report_id: UUID
    reason: str
    ground: ErasureGround
    ground_name: str
    ground_name_en: str
    by: UUID | None  # who decided it; null where that was not kept
    erased_at: Moment
    confirmed: Confirmed


class GroundName(WireModel):
    """A ground on which a report can be erased."""

    code: ErasureGround
    name: str
    name_en: str


class ErasureGrounds(WireModel):
    """All of them."""

    grounds: list[GroundName]


class ResultName(WireModel):
    """A result with which a report can be closed."""

    code: Result
    name: str
    name_en: str


class Results(WireModel):
    """All of them."""

    results: list[ResultName]


class RuleShown(WireModel):
    """One routing rule: every condition must hold, each by one of its values."""

    name: Code
    department: Code
    when: dict[str, list[str]]


class RulesShown(WireModel):
    """The rules in their order; version 0 are those that the signal types propose."""

    version: int
    rules: list[RuleShown]
    catch_all_department: Code
