"""Intake's API: send a report."""

from typing import Annotated

from common.auth import Identity
from common.contracts.codes import Urgency
from common.errors import FieldError, Malformed
from common.receipt import WrongKey, parse_key
from common.web import Caller
from fastapi import APIRouter, Header, Request, Response

from intake.actions import Intake
from intake.api import answers
from intake.api.quick import quick_route
from intake.api.submissions import ReportSubmission, new_report

_KEY_TOLD = "Needed: base64url of at least 16 random bytes, made by the client and kept secret."


async def _quickly(request: Request, submission: ReportSubmission) -> Response:
    identity: Identity = request.state.identity
    return await take_report(request, identity, submission, request.headers.get("idempotency-key"))


router = APIRouter(route_class=quick_route(ReportSubmission.model_validate_json, _quickly))


@router.post("/api/v1/reports", status_code=201, response_model=answers.Accepted)
async def take_report(
    request: Request,
    caller: Caller,
    submission: ReportSubmission,
    idempotency_key: Annotated[str | None, Header(description=_KEY_TOLD)] = None,
) -> Response:
    """Take a report in; 201 means that it is stored. The same `Idempotency-Key` and body: the same answer."""
    key = _key(idempotency_key)
    intake: Intake = request.app.state.intake
    accepted = await intake.take_report(caller.municipality, key, new_report(submission, caller))
    answer = answers.Accepted(
        receipt=accepted.receipt,
        urgency=Urgency(accepted.urgency),
        safety_tip=accepted.safety_tip,
        explanation=accepted.explanation or None,
    )
    body = answer.model_dump_json(by_alias=True, exclude_none=True)
    return Response(body, status_code=201, media_type="application/json")


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
