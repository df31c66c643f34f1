"""The sealed parts of a report as they arrive: content, identity, and the keys of its files."""

from collections.abc import Mapping
from typing import Any

from common.contracts.intake import ReportReceived, SealedAttachment
from common.sealing import SealedContent

ATTACHMENT, QUESTION_COPY = "attachment", "question-copy"


def sealed_of(event: ReportReceived) -> list[tuple[Mapping[str, Any], SealedContent | SealedAttachment]]:
    """Each part with its place; the ciphertext of a file stays at intake, its wraps come here."""
    own = str(event.report_id)
    parts: list[tuple[str, str, SealedContent | SealedAttachment | None]] = [
        ("content", own, event.sealed_content),
        ("identity", own, event.sealed_identity),
        *((ATTACHMENT, str(each.id), each) for each in event.sealed_attachments),
    ]
    return [
        (
            {
                "municipality": event.municipality,
                "report_id": event.report_id,
                "compartment": compartment,
                "subject": subject,
                "by_person": None,
                "at": event.received_at,
            },
            sealed,
        )
        for compartment, subject, sealed in parts
        if sealed is not None
    ]
