"""Intake's API: send a report, or have it checked."""

from typing import Annotated

from common.auth import Identity
from common.contracts.codes import Urgency
from common.errors import FieldError, Malformed
from common.receipt import WrongKey, parse_key
from common.web import Caller
from fastapi import APIRouter, Header, Request, Response

from intake.actions import Intake, Outcome
from intake.admission import HEADER as INVITATION
from intake.admission import Admission
from intake.api import answers
from intake.api.callers import InvitationCode, NetworkMark, account_of
from intake.api.quick import quick_route
from intake.api.submissions import ReportSubmission, new_report

_KEY_TOLD = "Needed: base64url of at least 16 random bytes, made by the client and kept secret."


async def _quickly(request: Request, submission: ReportSubmission) -> Response:
    identity: Identity = request.state.identity
    headers = request.headers
    key, code = headers.get("idempotency-key"), headers.get(INVITATION.lower())
    return await take_report(request, identity, submission, key, code, headers.get("network-mark", ""))


checks = APIRouter()
router = APIRouter(route_class=quick_route(ReportSubmission.model_validate_json, _quickly))


@router.post("/api/v1/reports", status_code=201, response_model=answers.Accepted)
async def take_report(
    request: Request,
    caller: Caller,
    submission: ReportSubmission,
    idempotency_key: Annotated[str | None, Header(description=_KEY_TOLD)] = None,
    invitation_code: InvitationCode = None,
    network_mark: NetworkMark = "",
) -> Response:
    """Take a report in; 201 means that it is stored. The same `Idempotency-Key` and body: the same answer."""
    key = key_of(idempotency_key)
    intake: Intake = request.app.state.intake
    admission: Admission = request.app.state.admission
    report = new_report(submission, caller)
    account = account_of(caller, network_mark)
    if admission.need(caller) is None:
        accepted = await intake.take_report(account, key, report)
    else:
        async with admission.counted(caller, invitation_code, key):
            accepted = await intake.take_report(account, key, report)
    answer = answers.Accepted(receipt=accepted.receipt, **dict(_outcome(accepted.outcome)))
    body = answer.model_dump_json(by_alias=True, exclude_none=True)
    return Response(body, status_code=201, media_type="application/json")


@checks.post("/api/v1/reports/_check", response_model_exclude_none=True)
async def check_report(request: Request, caller: Caller, submission: ReportSubmission) -> answers.Checked:
    """Refuse what sending this report would refuse, for the same reasons, and store nothing."""
    intake: Intake = request.app.state.intake
    return _outcome(await intake.check_report(account_of(caller, ""), new_report(submission, caller)))


def key_of(text: str | None) -> bytes:
    """The idempotency key in this header; raises `Malformed`, which says what is wrong with it."""
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


def _outcome(outcome: Outcome) -> answers.Checked:
    return answers.Checked(
        urgency=Urgency(outcome.urgency),
        safety_tip=outcome.safety_tip,
        explanation=outcome.explanation or None,
    )
