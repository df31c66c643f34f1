"""For whom each part of a report is sealed: its handlers, the custodians of names, and the notifier."""

import json
from uuid import UUID

from common.contracts.codes import KeyGroup
from common.contracts.gateway import GroupKey, MunicipalityConfigured
from common.contracts.intake import ReportReceived, Voucher
from common.errors import FieldError, Malformed, Unavailable
from common.messaging.envelope import TooLarge
from common.messaging.envelope import encode as encoded
from common.receipt import Mailbox
from common.sealing import (
    ADDRESS_BUCKETS,
    Context,
    Recipient,
    SealedContent,
    decode,
    encode,
    seal_content,
    seal_text,
)
from common.vouching import ReporterKeys, digest_of

from intake.domain import Mode, SignalType
from intake.settings import OwnKey
from intake.store import Submission
from intake.submission import NewReport


def seal_report(
    state: MunicipalityConfigured, kind: SignalType, report_id: UUID, content: bytes
) -> SealedContent:
    """The whole of a report, for who may open reports of its type."""
    return seal_content(
        content,
        [recipient_of(state, group_of(kind))],
        municipality=state.municipality,
        compartment="content",
        subject=str(report_id),
    )


def vouch(own: OwnKey, submission: Submission, mailbox: Mailbox, sealed: SealedContent) -> Voucher:
    """This service's word that the keys of this mailbox and this content belong to this report."""
    keys = ReporterKeys(
        submission.municipality,
        str(submission.report_id),
        submission.public_key,
        mailbox.signing.public_key,
        digest_of(sealed),
    )
    return Voucher(
        key_id=own.key_id,
        verify_key=keys.verify_key,
        content_digest=keys.digest,
        signature=own.signing.sign(keys.statement()),
    )


def seal_address(municipality: str, handle: UUID, mail: str | None, notifier_public_key: bytes) -> str | None:
    """The address for notices, for the notifier; None when none was left."""
    if not mail:
        return None
    context = Context(municipality, "address", str(handle), "notifier")
    return encode(seal_text(mail, notifier_public_key, context, buckets=ADDRESS_BUCKETS))


def require_fitting(received: ReportReceived) -> None:
    """Refuse what no event can carry (`Malformed`).

    Characters outside Latin take up to four bytes, so the bound on characters is not enough.
    """
    try:
        encoded(received)
    except TooLarge as error:
        fault = FieldError(
            "/description",
            "too-long",
            "Maak de melding korter. Emoji en bijzondere letters nemen veel ruimte in.",
            "Make the report shorter. Emoji and special letters take a lot of room.",
        )
        raise Malformed("The report is too long.", errors=[fault]) from error


def seal_identity(state: MunicipalityConfigured, report_id: UUID, report: NewReport) -> SealedContent | None:
    """A name and phone that only a custodian reads; None when there is nothing to keep from handlers."""
    if not (report.name or report.phone) or report.mode is Mode.BY_NAME:
        return None  # by name: it is sealed with the content
    return seal_content(
        json.dumps({"name": report.name, "phone": report.phone}, ensure_ascii=False).encode(),
        [recipient_of(state, KeyGroup.IDENTITY)],
        municipality=state.municipality,
        compartment="identity",
        subject=str(report_id),
    )


def recipient_of(state: MunicipalityConfigured, group: KeyGroup) -> Recipient:
    """The holders of a group's key; raises `Unavailable` when the municipality has none."""
    key: GroupKey | None = next((each for each in state.keys if each.group is group), None)
    if not state.keys:
        raise Unavailable("Nobody trusted vouches for this municipality's keys now; nothing was stored.")
    if key is None:
        raise Unavailable(f"This municipality has no {group.value} key yet; nothing was stored.")
    return Recipient(group.value, key.key_id, decode(key.public_key))


def group_of(kind: SignalType) -> KeyGroup:
    """Who may open reports of this type."""
    return KeyGroup.RESTRICTED if kind.is_restricted else KeyGroup.GENERAL
