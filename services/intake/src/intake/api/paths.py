"""Intake's API: send a report, and learn what is asked."""

from datetime import date
from typing import Annotated, Any
from uuid import UUID

from common.auth import Identity
from common.contracts.codes import Channel, Role, Urgency
from common.contracts.gateway import MunicipalityConfigured
from common.errors import FieldError, Malformed, NotAllowed
from common.mail_address import MAX_CHARACTERS, is_mail_address
from common.receipt import WrongKey, parse_key
from common.web import Caller, RequestModel
from fastapi import APIRouter, Header, Request, Response
from pydantic import AfterValidator, Field, StringConstraints
from pydantic_core import PydanticCustomError

from intake.actions import Intake
from intake.api import answers
from intake.api.previews import Hide
from intake.api.quick import quick_route
from intake.domain import MAX_PROSE, FormSet, Mode, Pin, Question, SignalType
from intake.files.claims import Claim, FileLimits
from intake.files.kinds import FileKind
from intake.submission import NewReport

router = APIRouter()

_STAFF_CHANNELS = frozenset({Channel.PHONE, Channel.MAIL, Channel.COUNTER, Channel.MMA})
_Short = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200)]
_KEY_TOLD = "Needed: base64url of at least 16 random bytes, made by the client and kept secret."


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
    name: _Short | None = None
    phone: _Short | None = None


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

    signal_type: _Short
    description: Annotated[str, StringConstraints(max_length=MAX_PROSE)]
    answers: Annotated[dict[str, Any], Field(default_factory=dict, max_length=60)]
    reporter_kind: _Short = "inwoner"
    channel: Channel | None = None
    language: Annotated[str, StringConstraints(pattern="^(nl|en)$")] = "nl"
    neighbourhood: _Short | None = None  # a code, where the municipality has a list
    address: _Short | None = None
    location_type: _Short | None = None
    location: Location | None = None
    observed_on: date | None = None
    contact: Contact = Contact()
    mode: Mode | None = None  # without one, a name and a phone are kept as `vertrouwelijk` keeps them
    attachments: Annotated[list[NamedFile], Field(default_factory=list, max_length=50)]
    hide: Hide


async def _quickly(request: Request, submission: ReportSubmission) -> Response:
    identity: Identity = request.state.identity
    return await take_report(request, identity, submission, request.headers.get("idempotency-key"))


reports = APIRouter(route_class=quick_route(ReportSubmission.model_validate_json, _quickly))


@reports.post("/api/v1/reports", status_code=201, response_model=answers.Accepted)
async def take_report(
    request: Request,
    caller: Caller,
    submission: ReportSubmission,
    idempotency_key: Annotated[str | None, Header(description=_KEY_TOLD)] = None,
) -> Response:
    """Take a report in; 201 means that it is stored. The same `Idempotency-Key` and body: the same answer."""
    key = _key(idempotency_key)
    intake: Intake = request.app.state.intake
    accepted = await intake.take_report(caller.municipality, key, _new_report(submission, caller))
    answer = answers.Accepted(
        receipt=accepted.receipt,
        urgency=Urgency(accepted.urgency),
        safety_tip=accepted.safety_tip,
        explanation=accepted.explanation or None,
    )
    body = answer.model_dump_json(by_alias=True, exclude_none=True)
    return Response(body, status_code=201, media_type="application/json")


@router.get("/api/v1/signal-types", response_model=answers.FormsShown)
async def signal_types(request: Request, caller: Caller) -> dict[str, Any]:
    """Everything that this municipality asks of this caller."""
    intake: Intake = request.app.state.intake
    forms = _forms_json(intake.forms(caller.municipality), professional=caller.is_professional)
    state = intake.state(caller.municipality)
    return {**forms, **_rules_json(state), "files": _files_json(intake.file_limits(caller.municipality))}


def _rules_json(state: MunicipalityConfigured) -> dict[str, Any]:
    return {
        "formLayout": state.form_layout,
        "whoMayReport": state.who_may_report,
        "modes": list(Mode),
        "neighbourhoods": [each.model_dump() for each in state.neighbourhoods],
    }


def _files_json(limits: FileLimits) -> dict[str, Any]:
    return {
        "maxCount": limits.max_count,
        "maxPhotoBytes": limits.max_photo_bytes,
        "maxPdfBytes": limits.max_pdf_bytes,
        "mediaTypes": [kind.value for kind in FileKind],
    }


def _key(text: str | None) -> bytes:
    try:
        return parse_key(text or "")
    except WrongKey as error:
        field = FieldError(
            "header:Idempotency-Key",
            "wrong-key",
            "Stuur een sleutel mee: base64url van ten minste 16 willekeurige bytes.",
            f"Send {error}.",
        )
        raise Malformed("The header Idempotency-Key is missing or not valid.", errors=[field]) from error


def _new_report(submission: ReportSubmission, caller: Identity) -> NewReport:
    contact = submission.contact
    return NewReport(
        signal_type=submission.signal_type,
        description=submission.description,
        answers=submission.answers,
        reporter_kind=submission.reporter_kind,
        channel=_channel(submission.channel, caller),
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
    )


def _pin(location: Location | None) -> Pin | None:
    return Pin(location.latitude, location.longitude) if location else None


def _channel(wanted: Channel | None, caller: Identity) -> Channel:
    if wanted in _STAFF_CHANNELS and Role.STAFF_ENTRY not in caller.roles:
        raise NotAllowed("Only staff may enter reports that came by phone, mail, counter or MMA.")
    if caller.key_name is not None:
        return wanted if wanted in _STAFF_CHANNELS else Channel.API
    return wanted or Channel.FORM


def _forms_json(forms: FormSet, *, professional: bool) -> dict[str, Any]:
    return {
        "version": forms.version,
        "signalTypes": [
            _type_json(each, professional=professional)
            for each in forms.signal_types.values()
            if each.is_active and (professional or not each.is_for_professionals_only)
        ],
        "generalQuestions": [_question_json(each) for each in forms.general_questions],
        "reporterKinds": list(forms.reporter_roles),
        "locationTypes": list(forms.location_types),
        "outOfScope": [
            {"code": code, "name": name, "redirect": redirect} for code, name, redirect in forms.out_of_scope
        ],
    }


def _type_json(kind: SignalType, *, professional: bool) -> dict[str, Any]:
    return {
        "code": kind.code,
        "name": kind.name,
        "description": kind.description,
        "indicators": list(kind.indicators),
        "indicatorsByRole": {role: list(each) for role, each in kind.indicators_by_role.items()},
        "questions": [
            _question_json(each) for each in kind.questions if professional or not each.for_professionals_only
        ],
        "defaultUrgency": kind.default_urgency,
        "urgencyRules": [
            {"when": dict(rule.when), "urgency": rule.urgency, "explanation": rule.explanation}
            for rule in kind.urgency_rules
        ],
        "safetyTip": kind.safety_tip,
        "needsName": kind.needs_name,
        "isRestricted": kind.is_restricted,
    }


def _question_json(question: Question) -> dict[str, Any]:
    return {
        "code": question.code,
        "label": question.label,
        "kind": question.kind.value,
        "options": list(question.options),
        "isRequired": question.is_required,
        "helpText": question.help_text,
        "showWhen": dict(question.show_when),
    }
