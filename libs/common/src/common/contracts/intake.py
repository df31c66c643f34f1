"""What intake says: a report came in, was counted, and has a mailbox."""

from datetime import date
from typing import ClassVar
from uuid import UUID

from pydantic import Field

from common.contracts.base import Event, Moment, WireModel
from common.contracts.codes import Channel, Code, Urgency
from common.sealing import SealedContent, Wrap


class SealedAttachment(WireModel):
    """A file of a report, without the file: intake keeps the ciphertext, the wrap of its key travels here."""

    id: UUID
    media_type: str
    size_bytes: int  # of the clean file
    wraps: tuple[Wrap, ...]


class Voucher(WireModel):
    """Intake's word that these are the keys of a report's reporter, and this its content."""

    key_id: str  # of intake's key, of which others know the public half
    verify_key: str  # base64url Ed25519, derived from the receipt: replies are signed with it
    content_digest: str  # base64url SHA-256 of nonce and ciphertext of `sealed_content`
    signature: str  # base64url, over what `common.vouching.ReporterKeys` says


class ReportReceived(Event):
    """A valid report, anonymised and sealed; the only event that carries report content."""

    name: ClassVar[str] = "intake.report-received.v1"
    when: ClassVar[str | None] = "received_at"

    report_id: UUID
    signal_type: Code
    forms_version: int
    choice_answers: dict[str, str | tuple[str, ...]] = Field(default_factory=dict)
    urgency: Urgency
    neighbourhood: str | None = None
    observed_on: date | None = None
    received_at: Moment
    received_elsewhere_at: Moment | None = None  # when staff heard it by phone, mail, counter or MMA
    channel: Channel
    reporter_kind: Code
    is_traceable: bool  # `herleidbaar: ja`: only the reporter could know this
    is_restricted: bool
    anonymised_text: str | None = None  # absent when the municipality or the residual check says so
    needs_review: bool = False  # the residual check doubted the anonymisation
    sealed_content: SealedContent
    sealed_identity: SealedContent | None = None
    attachments: tuple[UUID, ...] = ()
    sealed_attachments: tuple[SealedAttachment, ...] = ()  # the same files, with the wraps of their keys
    reporter_public_key: str  # base64url X25519, derived from the receipt
    voucher: Voucher | None = (
        None  # for that key and the content; without it nobody is asked, and no content shown
    )
    reporter_handle: UUID
    reporter_language: str = "nl"


class ReportCounted(Event):
    """The same report as codes only: no text, no ciphertext."""

    name: ClassVar[str] = "intake.report-counted.v1"

    report_id: UUID
    signal_type: Code
    is_restricted: bool
    urgency: Urgency
    neighbourhood: str | None = None
    channel: Channel
    reporter_kind: Code
    received_on: date  # the day in Europe/Amsterdam


class MailboxOpened(Event):
    """A reporter may be reached: no report id, no content."""

    name: ClassVar[str] = "intake.mailbox-opened.v1"
    about: ClassVar[str] = "reporter_handle"

    reporter_handle: UUID
    lookup_id: str
    language: str
    sealed_address: str | None = None  # base64url HPKE to the notifier's key
    signer_pin: str = ""  # who vouches for keys, as the receipt's holder can check it; tells nothing else
    verify_key: str = ""  # base64url Ed25519: replies are signed with its private half


class SignalTypeState(WireModel):
    """One signal type as the municipality offers it now."""

    code: Code
    name: str
    is_active: bool
    is_restricted: bool
    department: Code  # the routing that the type's author proposes
    readers: tuple[Code, ...] = ()
    partners: tuple[Code, ...] = ()


class FormsConfigured(Event):
    """The full state of a municipality's forms; hearers keep the highest version."""

    name: ClassVar[str] = "intake.forms-configured.v1"
    about: ClassVar[str] = "municipality"

    version: int
    signal_types: tuple[SignalTypeState, ...]
