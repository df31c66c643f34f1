"""For whom each part of a report is sealed: its handlers, the custodians of names, and the notifier."""

import json
from uuid import UUID

from common.contracts.codes import KeyGroup
from common.contracts.gateway import GroupKey, MunicipalityConfigured
from common.contracts.intake import ReportReceived
from common.errors import FieldError, Malformed, Unavailable
from common.messaging.envelope import TooLarge
from common.messaging.envelope import encode as encoded
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

from intake.domain import Mode, SignalType
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
    if key is None:
        raise Unavailable(f"This municipality has no {group.value} key yet; nothing was stored.")
    return Recipient(group.value, key.key_id, decode(key.public_key))


def group_of(kind: SignalType) -> KeyGroup:
    """Who may open reports of this type."""
    return KeyGroup.RESTRICTED if kind.is_restricted else KeyGroup.GENERAL
