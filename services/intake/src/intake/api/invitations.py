"""Intake's API for functional administrators: the codes by which people are invited to report."""

from datetime import UTC, datetime
from typing import Annotated, Any
from uuid import UUID

from common.contracts.base import WireModel
from common.errors import FieldError, Malformed
from common.web import Caller, Moment, RequestModel
from fastapi import APIRouter, Request
from pydantic import Field, StringConstraints

from intake.admission import Admission
from intake.api.editing import administrator
from intake.domain.admission import MOST_USES, Invitation, step_of

router = APIRouter()

PATH = "/api/v1/invitations"
_LONGEST_DAYS = 366


class NewInvitation(RequestModel):
    """A code to be made: for whom, how often it works, and until when."""

    name: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=120)]
    max_uses: Annotated[int, Field(ge=1, le=MOST_USES)]
    expires_at: Moment


class InvitationShown(WireModel):
    """An invitation, without its code. Uses are told in steps, as they were at a moment drawn once a week."""

    id: UUID
    name: str
    max_uses: int
    uses_from: int
    uses_to: int
    expires_at: datetime
    created_by: UUID
    created_at: datetime
    revoked_at: datetime | None
    is_valid: bool  # neither revoked nor over; it may be used up


class InvitationMade(InvitationShown):
    """A new invitation with its code, which is told this once."""

    code: str


class InvitationsShown(WireModel):
    """The newest invitations."""

    invitations: list[InvitationShown]


@router.post(PATH, status_code=201, response_model=InvitationMade)
async def invite(request: Request, caller: Caller, body: NewInvitation) -> dict[str, Any]:
    """Make a code. It is told this once: only a hash is kept."""
    person = administrator(caller)
    _require_term(body.expires_at)
    made, code = await _admission(request).invite(
        caller.municipality, person, body.name, body.max_uses, body.expires_at
    )
    return {**_shown(made), "code": code}


@router.get(PATH, response_model=InvitationsShown)
async def invitations(request: Request, caller: Caller) -> dict[str, Any]:
    """The newest invitations, with about how often each was used, up to two weeks ago."""
    administrator(caller)
    found = await _admission(request).invited(caller.municipality)
    return {"invitations": [_shown(each) for each in found]}


@router.delete(PATH + "/{invitation}", status_code=204)
async def revoke(request: Request, caller: Caller, invitation: UUID) -> None:
    """Let a code be worth nothing from now on."""
    person = administrator(caller)
    await _admission(request).revoke(caller.municipality, person, invitation)


def _admission(request: Request) -> Admission:
    admission: Admission = request.app.state.admission
    return admission


def _shown(each: Invitation) -> dict[str, Any]:
    uses_from, uses_to = step_of(each.shown_uses)
    return {
        "id": each.id,
        "name": each.name,
        "max_uses": each.max_uses,
        "uses_from": uses_from,
        "uses_to": uses_to,
        "expires_at": each.expires_at,
        "created_by": each.created_by,
        "created_at": each.created_at,
        "revoked_at": each.revoked_at,
        "is_valid": each.is_in_force(datetime.now(UTC)),
    }


def _require_term(expires_at: datetime) -> None:
    days = (expires_at - datetime.now(UTC)).total_seconds() / 86_400
    if not 0 < days <= _LONGEST_DAYS:
        field = FieldError(
            "/expiresAt",
            "not-a-term",
            f"Kies een tijd in de komende {_LONGEST_DAYS} dagen.",
            f"Choose a time within the next {_LONGEST_DAYS} days.",
        )
        raise Malformed("Some fields are not valid.", errors=[field])
