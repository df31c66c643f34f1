"""API keys: made and revoked by an administrator who signed in; a key makes no other key.

A privacy officer sees the list too: who makes a key is not the only one who sees that it was made.
"""

from datetime import UTC, date, datetime, time, timedelta
from typing import Annotated, Any
from uuid import UUID
from zoneinfo import ZoneInfo

from common.contracts.base import WireModel
from common.contracts.codes import Code, Role
from common.errors import FieldError, Malformed, NotAllowed, NotSignedIn
from common.log import get_logger
from common.web import RequestModel
from fastapi import FastAPI, Request, Response
from pydantic import Field

from gateway import actions
from gateway.front import Front, Visitor
from gateway.session import now_utc
from gateway.store import ListedKey

PREFIX = "/api/v1/api-keys"
_ZONE = ZoneInfo("Europe/Amsterdam")
_MOST_YEARS = 3

log = get_logger()


class NewKey(RequestModel):
    """A key to be made: for whom, what it may do, and until when."""

    name: Annotated[str, Field(min_length=1, max_length=64)]
    purpose: Annotated[str, Field(min_length=1, max_length=500)]
    roles: Annotated[list[Role], Field(min_length=1, max_length=3)]  # reporter, staff-entry, export
    expires_on: date  # its last day, in the Netherlands
    signal_types: Annotated[list[Code] | None, Field(default=None, min_length=1, max_length=200)]
    reporter_kind: Code | None = None
    per_minute: Annotated[int | None, Field(default=None, ge=1, le=actions.MOST_PER_MINUTE)]


class KeyShown(WireModel):
    """A key without the key itself."""

    name: str
    purpose: str
    roles: list[Role]
    signal_types: list[str] | None  # null: all
    reporter_kind: str | None
    per_minute: int | None  # null: as the installation says
    created_at: datetime
    expires_at: datetime | None
    revoked_at: datetime | None
    made_by: UUID | None  # a person; null: the operator by command, or before this was kept
    revoked_by: UUID | None  # likewise
    last_used_on: date | None
    is_alive: bool


class KeysShown(WireModel):
    """Every key that was ever made, by name, which is used once; what is no longer alive too."""

    api_keys: list[KeyShown]


class KeyMade(WireModel):
    """The key, this once: only a hash of it is kept."""

    name: str
    key: str
    expires_at: datetime


def add_keys(app: FastAPI, front: Front, visiting: Any, private: dict[str, str]) -> None:  # noqa: ANN401 -- an annotation
    """Offer `PREFIX`."""

    @app.post(PREFIX, status_code=201, response_model=KeyMade, summary="Make an API key; it is shown once")
    async def make(visitor: visiting, body: NewKey, request: Request, response: Response) -> KeyMade:
        response.headers.update(private)
        _require_person(visitor, Role.ADMINISTRATOR)
        front.refuse_forgery(request.scope, visitor)
        expires_at = _end_of(body.expires_on, now_utc())
        types = body.signal_types
        key = await actions.put_api_key(
            front.database,
            municipality=visitor.municipality.code,
            name=body.name,
            roles=body.roles,
            purpose=body.purpose,
            expires_at=expires_at,
            bounds=actions.KeyBounds(
                None if types is None else frozenset(types), body.reporter_kind, body.per_minute
            ),
            made_by=visitor.identity.person,
        )
        log.info("api_key.made", municipality=visitor.municipality.code, name=body.name)
        return KeyMade(name=body.name, key=key, expires_at=expires_at)

    @app.get(PREFIX, response_model=KeysShown, summary="Which API keys there are; never the keys themselves")
    async def listed(visitor: visiting, response: Response) -> KeysShown:
        response.headers.update(private)
        _require_person(visitor, Role.ADMINISTRATOR, Role.PRIVACY_OFFICER)
        now = now_utc()
        found = await actions.list_api_keys(front.database, visitor.municipality.code)
        return KeysShown(api_keys=[_shown(each, now) for each in found])

    @app.delete(PREFIX + "/{name}", status_code=204, summary="Revoke an API key, for good")
    async def revoke(visitor: visiting, name: str, request: Request) -> Response:
        _require_person(visitor, Role.ADMINISTRATOR)
        front.refuse_forgery(request.scope, visitor)
        await front.sessions.revoke_key(visitor.municipality.code, name, visitor.identity.person)
        log.info("api_key.revoked", municipality=visitor.municipality.code, name=name)
        return Response(status_code=204, headers=private)


def _require_person(visitor: Visitor, *roles: Role) -> None:
    if visitor.identity.is_anonymous:
        raise NotSignedIn("Sign in as an administrator.")
    if visitor.identity.person is None:
        raise NotAllowed("Keys are for people to make and see; an API key may not.")
    visitor.identity.require(*roles)


def _end_of(last_day: date, now: datetime) -> datetime:
    """The end of this day in the Netherlands; raises `Malformed` for a day that was, or is too far off."""
    today = now.astimezone(_ZONE).date()
    if not today <= last_day <= today + timedelta(days=366 * _MOST_YEARS):
        field = FieldError(
            "/expiresOn",
            "out-of-range",
            f"Kies een dag van vandaag tot over {_MOST_YEARS} jaar.",
            f"Choose a day from today to {_MOST_YEARS} years ahead.",
        )
        raise Malformed("The key is not added.", errors=[field])
    return datetime.combine(last_day + timedelta(days=1), time(), _ZONE).astimezone(UTC)


def _shown(listed: ListedKey, now: datetime) -> KeyShown:
    key = listed.key
    return KeyShown(
        name=key.name,
        purpose=listed.purpose,
        roles=sorted(Role(role) for role in key.roles),
        signal_types=None if key.signal_types is None else sorted(key.signal_types),
        reporter_kind=key.reporter_kind,
        per_minute=key.per_minute,
        created_at=listed.created_at,
        expires_at=key.expires_at,
        revoked_at=key.revoked_at,
        made_by=listed.made_by,
        revoked_by=listed.revoked_by,
        last_used_on=key.last_used_on,
        is_alive=key.is_alive(now),
    )
