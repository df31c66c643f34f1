"""What the gateway's own pages ask: whether a form that comes back was sent already.

No client reaches this: the gateway passes nothing on that is not below `/api/`. Who asks has the idempotency
key, and hears no more than somebody who sends the report again.
"""

from typing import Annotated

from common.contracts.base import WireModel
from common.web import Caller
from fastapi import APIRouter, Header, Request

from intake.actions import Intake
from intake.api.paths import key_of

PATH = "/internal/v1/reports/_sent"

router = APIRouter()


class SentBefore(WireModel):
    """Whether a report with this key is stored, and whether its receipt is still told again."""

    is_sent: bool
    is_recent: bool


@router.post(PATH, include_in_schema=False)
async def was_sent(
    request: Request, caller: Caller, idempotency_key: Annotated[str | None, Header()] = None
) -> SentBefore:
    """Tell whether a report with this `Idempotency-Key` was stored for the caller's municipality."""
    intake: Intake = request.app.state.intake
    found = await intake.was_sent(caller.municipality, key_of(idempotency_key))
    return SentBefore(is_sent=found.is_sent, is_recent=found.is_recent)
