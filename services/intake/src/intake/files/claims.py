"""Which files may go with a report: how many, how large, whose, and for which key group."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from common.contracts.gateway import MunicipalityConfigured

from intake.domain import Fault

_MIB = 1024 * 1024


@dataclass(frozen=True)
class FileLimits:
    """How many files may go with one report, and how large each may be."""

    max_count: int = 10
    max_photo_bytes: int = 20 * 1024 * 1024
    max_pdf_bytes: int = 25 * 1024 * 1024

    @property
    def largest_bytes(self) -> int:
        """No file may be larger, whatever it is."""
        return max(self.max_photo_bytes, self.max_pdf_bytes)

    def bytes_of(self, *, is_photo: bool) -> int:
        """The limit for a photo, or for a PDF."""
        return self.max_photo_bytes if is_photo else self.max_pdf_bytes


def limits_of(state: MunicipalityConfigured, usual: FileLimits) -> FileLimits:
    """A municipality's own limits, and the usual ones where it sets none."""
    own = state.file_limits
    if own is None:
        return usual
    return FileLimits(
        max_count=usual.max_count if own.max_count is None else own.max_count,
        max_photo_bytes=own.max_photo_mib * _MIB if own.max_photo_mib else usual.max_photo_bytes,
        max_pdf_bytes=own.max_pdf_mib * _MIB if own.max_pdf_mib else usual.max_pdf_bytes,
    )


@dataclass(frozen=True)
class Claim:
    """A report's right to a file: who sent it got the secret."""

    id: UUID
    claim: str


def check_claims(
    claims: Sequence[Claim], limits: FileLimits, group_of: Mapping[UUID, str], group: str
) -> list[Fault]:
    """What is wrong with the files of a report; `group_of` holds those whose claim is right."""
    if len(claims) > limits.max_count:
        count = limits.max_count
        return [
            Fault(
                "/attachments",
                "too-many-files",
                f"Stuur hoogstens {count} bestanden mee.",
                f"Send at most {count} files.",
            )
        ]
    found = []
    for index, claim in enumerate(claims):
        pointer = f"/attachments/{index}"
        if claim.id in [each.id for each in claims[:index]]:
            found.append(
                Fault(pointer, "repeated", "Dit bestand staat er twee keer.", "This file is named twice.")
            )
        elif claim.id not in group_of:
            found.append(
                Fault(
                    pointer,
                    "unknown-file",
                    "Dit bestand is hier niet (meer). Stuur het opnieuw.",
                    "This file is not here (any more). Send it again.",
                )
            )
        elif group_of[claim.id] != group:
            found.append(
                Fault(
                    pointer,
                    "other-signal-type",
                    "Dit bestand is voor een ander soort melding verzegeld. Stuur het opnieuw.",
                    "This file was sealed for another kind of report. Send it again.",
                )
            )
    return found
