"""What the notifier says: the reporter answered, a notice left or failed."""

from typing import ClassVar
from uuid import UUID

from common.contracts.base import Event, Moment
from common.contracts.codes import Code
from common.sealing import SealedContent


class ReplyGiven(Event):
    """A reporter's reply, sealed to the municipality's key group."""

    name: ClassVar[str] = "notifier.reply-given.v1"
    when: ClassVar[str | None] = "given_at"
    about: ClassVar[str] = "reporter_handle"

    reporter_handle: UUID
    question_id: UUID
    reply_id: UUID
    sealed_reply: SealedContent
    signature: str = ""  # base64url Ed25519, by a key that the receipt gives
    given_at: Moment


class FeedbackSent(Event):
    """A notice reached the mail server of its reader; no address."""

    name: ClassVar[str] = "notifier.feedback-sent.v1"
    when: ClassVar[str | None] = "sent_at"
    about: ClassVar[str] = "reporter_handle"

    reporter_handle: UUID
    template: Code
    channel: Code
    attempt: int
    sent_at: Moment


class DeliveryFailed(Event):
    """A notice could not be delivered after all attempts; no address."""

    name: ClassVar[str] = "notifier.delivery-failed.v1"
    when: ClassVar[str | None] = "failed_at"
    about: ClassVar[str] = "reporter_handle"

    reporter_handle: UUID
    template: Code
    channel: Code
    attempt: int
    failed_at: Moment
