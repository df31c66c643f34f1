"""A report as a client sends it."""

from typing import Annotated, Any
from uuid import UUID

from common.auth import Identity
from common.contracts.codes import Channel
from common.mail_address import MAX_CHARACTERS, is_mail_address
from common.web import Moment, RequestModel
from pydantic import AfterValidator, Field, StringConstraints
from pydantic_core import PydanticCustomError

from intake.api.callers import channel_of, kind_for, require_reporting, require_staff, require_type
from intake.api.previews import Hide
from intake.domain import MAX_LINE, MAX_PROSE, Mode, Pin
from intake.files.claims import Claim
from intake.submission import NewReport

_Code = Annotated[str, StringConstraints(max_length=MAX_LINE)]


def _written(text: str) -> str | None:
    return text.strip() or None


def _chosen(text: str) -> str | None:
    return text if text.strip() else None


_Line = Annotated[str, StringConstraints(max_length=MAX_LINE), AfterValidator(_written)]
_Chosen = Annotated[str, StringConstraints(max_length=MAX_LINE), AfterValidator(_chosen)]


def _deliverable(text: str) -> str:
    if not is_mail_address(text):
        raise PydanticCustomError("no-mail-address", "Write one plain address, as in name@example.nl.")
    return text


_Mail = Annotated[
    str,
    StringConstraints(
        strip_whitespace=True, max_length=MAX_CHARACTERS, pattern=r"^[^@\s]+@[^@\s]+\.[^@\s]+$"
    ),
    AfterValidator(_deliverable),
]


class Contact(RequestModel):
    """How to reach the reporter; all optional, and kept apart from the report."""

    mail: _Mail | None = None
    name: _Line | None = None
    phone: _Line | None = None


class NamedFile(RequestModel):
    """A file that was sent before, by what the answer told of it."""

    id: UUID
    claim: Annotated[str, StringConstraints(pattern="^[A-Za-z0-9_-]{22,64}$")]


class Location(RequestModel):
    """A point on the map, in degrees of WGS 84; it travels sealed only."""

    latitude: Annotated[float, Field(strict=True, allow_inf_nan=False)]
    longitude: Annotated[float, Field(strict=True, allow_inf_nan=False)]


class ReportSubmission(RequestModel):
    """A report."""

    signal_type: _Code
    description: Annotated[str, StringConstraints(max_length=MAX_PROSE)]
    answers: Annotated[dict[str, Any], Field(default_factory=dict, max_length=60)]
    reporter_kind: _Code = "inwoner"  # when left out: as whom the API key reports
    channel: Channel | None = None
    received_elsewhere_at: Moment | None = None  # staff only: when they heard it
    language: Annotated[str, StringConstraints(pattern="^(nl|en)$")] = "nl"
    neighbourhood: _Chosen | None = None  # a code, where the municipality has a list
    address: _Line | None = None
    location_type: _Code | None = None
    location: Location | None = None
    observed_on: _Code | None = None  # a day as 2026-11-23
    contact: Contact = Contact()
    mode: Mode | None = None  # without one, a name and a phone are kept as `vertrouwelijk` keeps them
    attachments: Annotated[list[NamedFile], Field(default_factory=list, max_length=50)]
    hide: Hide


def new_report(submission: ReportSubmission, caller: Identity) -> NewReport:
    """The report of this caller; raises `NotAllowed` for what is not theirs to report or to say of it."""
    contact, at = submission.contact, submission.received_elsewhere_at
    require_reporting(caller)
    require_type(caller, submission.signal_type)
    if at is not None:
        require_staff(caller)
    return NewReport(
        signal_type=submission.signal_type,
        description=submission.description,
        answers=submission.answers,
        reporter_kind=kind_for(
            caller, submission.reporter_kind, is_given="reporter_kind" in submission.model_fields_set
        ),
        channel=channel_of(caller, submission.channel),
        language=submission.language,
        neighbourhood=submission.neighbourhood,
        address=submission.address,
        observed_on=submission.observed_on,
        mail=contact.mail,
        name=contact.name,
        phone=contact.phone,
        is_professional=caller.is_professional,
        attachments=tuple(Claim(each.id, each.claim) for each in submission.attachments),
        hide=tuple(submission.hide),
        mode=submission.mode,
        location_type=submission.location_type,
        pin=_pin(submission.location),
        received_elsewhere_at=at,
    )


def _pin(location: Location | None) -> Pin | None:
    return Pin(location.latitude, location.longitude) if location else None
