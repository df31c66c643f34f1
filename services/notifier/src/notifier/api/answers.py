"""What the notifier answers; FastAPI holds every answer to these models, so that the API document is true."""

from typing import Literal
from uuid import UUID

from common.contracts.base import Moment, WireModel
from common.contracts.codes import Code, FeedbackKey, Urgency
from common.contracts.gateway import Signer


class Notice(WireModel):
    """Something that the reporter should hear, in words."""

    feedback: FeedbackKey
    version: int  # grows with the report
    at: Moment
    text: str
    text_en: str


class ReplyKey(WireModel):
    """The key group to which a reply is sealed."""

    group: str
    key_id: str
    public_key: str
    signature: str  # of the last signer; check it before sealing to this key (docs/sealing.md)


class Question(WireModel):
    """A question that only the receipt opens."""

    question_id: UUID
    sealed_question: str
    digest: str  # what it holds must be what this is of (docs/sealing.md); empty for an older one
    reply_key: ReplyKey
    signers: list[Signer]
    asked_at: Moment
    replied_at: Moment | None


class MailboxShown(WireModel):
    """What is behind a receipt, oldest first."""

    municipality: Code
    language: str
    signer_pin: str  # who vouches for keys, as only the receipt can check
    notices: list[Notice]
    questions: list[Question]


class ReplyKept(WireModel):
    """The reply is on its way to casework."""

    reply_id: UUID


class DeliveryLine(WireModel):
    """One mail: to a reporter (`template`), or to a department about work; never its address."""

    id: UUID
    template: str | None
    department: Code | None
    urgency: Urgency | None
    count: int | None
    state: Literal["queued", "sent", "failed"]
    attempts: int
    due_at: Moment
    error: str | None  # a class of error
    created_at: Moment
    ended_at: Moment | None


class Deliveries(WireModel):
    """The newest first."""

    deliveries: list[DeliveryLine]


class Restarted(WireModel):
    """The delivery begins anew."""

    id: UUID
    state: Literal["queued"]
