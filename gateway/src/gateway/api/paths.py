"""The paths that the gateway answers itself."""

from datetime import UTC, datetime, timedelta
from typing import Annotated, Any
from uuid import UUID

from common.contracts.base import WireModel
from common.contracts.codes import Role
from common.errors import NotAllowed, NotFound, NotSignedIn
from common.openapi import describe, operation_id
from common.sealing import WrappedPrivateKey
from common.web import API_VERSION, OPENAPI_PATH, RequestModel, render_errors
from fastapi import Depends, FastAPI, Request, Response
from pydantic import Field, SecretStr
from starlette.responses import JSONResponse, PlainTextResponse

from gateway import actions
from gateway.api.draft_keys import PREFIX as DRAFT_KEYS
from gateway.api.draft_keys import add_draft_keys
from gateway.api.key_alarms import PREFIX as KEY_ALARMS
from gateway.api.key_alarms import add_key_alarms
from gateway.api.keys import PREFIX as API_KEYS
from gateway.api.keys import add_keys
from gateway.domain.people import Session
from gateway.front import Front, Visitor, address_of
from gateway.session import csrf_token, now_utc

_OPEN = {"Access-Control-Allow-Origin": "*"}
_PRIVATE = {"Cache-Control": "no-store", "API-Version": API_VERSION}
_SECURITY_TXT_DAYS = 180
MAX_BODY_BYTES = 16 * 1024  # the longest is a login with its password

#: What this application answers; all else below /api is passed on.
OWN_PREFIXES = (
    "/api/v1/sessions",
    "/api/v1/vault",
    "/api/v1/challenges",
    API_KEYS,
    DRAFT_KEYS,
    KEY_ALARMS,
    "/api/v1/openapi/",
    "/.well-known/security.txt",
)


class SignIn(RequestModel):
    """A login with its password; the municipality comes from the header or the host."""

    login: str = Field(min_length=1, max_length=200)
    password: SecretStr = Field(min_length=1, max_length=1024)


class SessionShown(WireModel):
    """Who is signed in, and the CSRF token that every change by cookie must send as `X-CSRF-Token`."""

    municipality: str
    person: UUID
    display_name: str
    roles: list[Role]
    departments: list[str]
    key_groups: list[str]
    csrf_token: str
    expires_at: datetime


class GroupWrapShown(WireModel):
    """The private half of a group key, sealed to the person's public key.

    HPKE context: municipality, "group-key", group, key id.
    """

    group: str
    key_id: str
    wrapped_key: str


class VaultShown(WireModel):
    """A person's own keys, as only their browser can open them.

    The private key is bound to the context municipality, "person-key", person.
    """

    municipality: str
    person: UUID
    public_key: str
    wrapped_private_key: WrappedPrivateKey
    groups: list[GroupWrapShown]


class ChallengeShown(WireModel):
    """A challenge: find a whole number `counter` that solves it, and send `Proof-Of-Work: <token>~<counter>`.

    Solved means: BLAKE2s-256 of the UTF-8 text ``<token> LF <Idempotency-Key> LF <counter>`` begins with
    `bits` zero bits. A challenge serves the key that it is first solved for, and that key again while it is
    valid; take a new one for each report.
    """

    token: str
    bits: int
    algorithm: str = "blake2s-256"
    expires_in_seconds: int


def create_api(front: Front) -> FastAPI:
    """The application for `OWN_PREFIXES`."""
    app = FastAPI(
        title="Vermoeden gateway",
        version=API_VERSION,
        openapi_url=None,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        generate_unique_id_function=operation_id,
        strict_content_type=True,  # a page elsewhere must ask before it sends JSON, and is refused
    )
    render_errors(app)
    describe(app)

    async def visitor(request: Request) -> Visitor:
        return await front.visitor(request)

    visiting = Annotated[Visitor, Depends(visitor)]
    _add_sessions(app, front, visiting)
    _add_vault(app, front, visiting)
    _add_challenges(app, front, visiting)
    add_keys(app, front, visiting, _PRIVATE)
    add_draft_keys(app, front, visiting, _PRIVATE)
    add_key_alarms(app, front, visiting, _PRIVATE)
    _add_documents(app, front)
    return app


def _add_sessions(app: FastAPI, front: Front, visiting: Any) -> None:  # noqa: ANN401 -- an annotation
    signed_in: dict[int | str, dict[str, Any]] = {201: {"model": SessionShown}}

    @app.post("/api/v1/sessions", status_code=201, summary="Sign in", responses=signed_in)
    async def sign_in(body: SignIn, request: Request) -> Response:
        headers = dict(request.scope["headers"])
        municipality = await front.directory.named(headers)
        token, session = await front.sessions.sign_in(
            municipality.code, body.login, body.password.get_secret_value(), address_of(request), headers
        )
        await front.sessions.sign_out(front.sessions.tokens_in(headers))
        shown = _session_shown(session, token).model_dump(mode="json", by_alias=True)
        response = JSONResponse(shown, status_code=201, headers=_PRIVATE)
        for cookie in await front.sessions.cookies(token, session, headers, request.url.path):
            response.headers.append("Set-Cookie", cookie)
        return response

    @app.get("/api/v1/sessions/current", response_model=SessionShown, summary="Who is signed in")
    async def current(visitor: visiting, response: Response) -> SessionShown:
        response.headers.update(_PRIVATE)
        if visitor.session is None or visitor.session_token is None:
            raise NotSignedIn
        return _session_shown(visitor.session, visitor.session_token)

    @app.delete("/api/v1/sessions/current", status_code=204, summary="Sign out")
    async def sign_out(visitor: visiting, request: Request) -> Response:
        front.refuse_forgery(request.scope, visitor)
        taken_away = {"Set-Cookie": front.sessions.no_cookie()}
        tokens = front.sessions.tokens_in(dict(request.scope["headers"]))
        if tokens and not await front.sessions.sign_out(tokens):
            raise NotSignedIn("This cookie is of no session; nothing was ended.", headers=taken_away)
        return Response(status_code=204, headers={**_PRIVATE, **taken_away})


def _session_shown(session: Session, token: str) -> SessionShown:
    person = session.person
    return SessionShown(
        municipality=person.municipality,
        person=person.id,
        display_name=person.display_name,
        roles=sorted(Role(role) for role in person.roles),
        departments=sorted(person.departments),
        key_groups=sorted(person.key_groups),
        csrf_token=csrf_token(token),
        expires_at=session.expires_at,
    )


def _add_vault(app: FastAPI, front: Front, visiting: Any) -> None:  # noqa: ANN401 -- an annotation
    @app.get("/api/v1/vault", response_model=VaultShown, summary="My own wrapped keys; every fetch is logged")
    async def vault(visitor: visiting, response: Response) -> VaultShown:
        response.headers.update(_PRIVATE)
        person = visitor.identity.person
        if visitor.identity.key_name is not None:
            raise NotAllowed("A vault belongs to a person; an API key has none.")
        if person is None:
            raise NotSignedIn
        municipality = visitor.municipality.code
        found = await actions.open_vault(front.database, municipality, person, now_utc())
        if found is None:
            raise NotFound("You have no vault yet.")
        return VaultShown(
            municipality=municipality,
            person=person,
            public_key=found.public_key,
            wrapped_private_key=found.wrapped_private_key,
            groups=[GroupWrapShown(**vars(wrap)) for wrap in found.groups],
        )


def _add_challenges(app: FastAPI, front: Front, visiting: Any) -> None:  # noqa: ANN401 -- an annotation
    @app.get("/api/v1/challenges", response_model=ChallengeShown, summary="Work for who reports anonymously")
    async def challenge(visitor: visiting, request: Request, response: Response) -> ChallengeShown:
        response.headers.update(_PRIVATE)
        found = front.flood.challenge(visitor.municipality.code, address_of(request))
        return ChallengeShown(token=found.token, bits=found.bits, expires_in_seconds=found.seconds)


def _add_documents(app: FastAPI, front: Front) -> None:
    @app.get("/api/v1/openapi/{service}.json", include_in_schema=False)
    async def document(service: str) -> Response:
        if service == "gateway":
            return JSONResponse(app.openapi(), headers=_OPEN)
        if service not in front.settings.service_urls:
            raise NotFound
        async with front.services.request(None, service, "GET", OPENAPI_PATH, headers={}) as answer:
            content = await answer.read()
        return Response(content, answer.status, _OPEN, "application/json")

    @app.get("/.well-known/security.txt", include_in_schema=False)
    async def security_txt() -> Response:
        if not front.settings.security_contact:
            raise NotFound
        expires = datetime.now(UTC) + timedelta(days=_SECURITY_TXT_DAYS)  # RFC 9116, 2.5.5
        lines = (
            f"Contact: {front.settings.security_contact}",
            f"Expires: {expires:%Y-%m-%dT00:00:00Z}",
            "Preferred-Languages: nl, en",
        )
        return PlainTextResponse("\n".join(lines) + "\n")
