"""The web face of a service: identity first, one error renderer, the API rules applied once."""

import time
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Annotated, Any, Self

from fastapi import Depends, FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import (
    AfterValidator,
    AwareDatetime,
    ConfigDict,
    ModelWrapValidatorHandler,
    ValidationError,
    field_validator,
    model_validator,
)
from pydantic_core import PydanticCustomError
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from common import metrics, readable
from common.auth import Identity, IdentityVerifier
from common.contracts.base import WireModel
from common.db import AWAY_KINDS, is_away
from common.errors import (
    AppError,
    Failed,
    FieldError,
    Malformed,
    NotFound,
    NotSignedIn,
    Unavailable,
    problem_document,
)
from common.invalid import field_error
from common.log import get_logger
from common.openapi import describe, operation_id

API_VERSION = "1.0.0"
OPENAPI_PATH = "/api/v1/openapi.json"
MAX_BODY_BYTES = 1024 * 1024
MOST_FAULTS = 500  # that are told of one request
_HEADERS = [
    (b"api-version", API_VERSION.encode()),
    (b"x-content-type-options", b"nosniff"),
    (b"cache-control", b"no-store"),
    (b"content-security-policy", b"frame-ancestors 'none'"),
    (b"referrer-policy", b"no-referrer"),
]

log = get_logger()


class RequestModel(WireModel):
    """A request body: camelCase, and an unknown field is an error that names it.

    No string in it, however deep, holds a character that cannot be kept; that too is an error by name.
    Beyond `MOST_FAULTS` errors one is told in their place: telling each costs more than reading all of them.
    """

    model_config = ConfigDict(extra="forbid")

    @model_validator(mode="wrap")
    @classmethod
    def _bound_faults(cls, value: Any, handler: ModelWrapValidatorHandler[Self]) -> Self:  # noqa: ANN401
        try:
            return handler(value)
        except ValidationError as error:
            if error.error_count() <= MOST_FAULTS:
                raise
            raise PydanticCustomError("too-many-faults", "Too much is wrong with this.") from None

    @field_validator("*", mode="after")
    @classmethod
    def _require_readable(cls, value: Any) -> Any:  # noqa: ANN401 -- whatever the field holds
        place = readable.unreadable_place(value)
        if place is not None:
            raise PydanticCustomError(readable.CODE, readable.ENGLISH, {"place": place})
        return value


def _in_utc(moment: datetime) -> datetime:
    try:
        return moment.astimezone(UTC)
    except OverflowError as error:
        raise PydanticCustomError("no-such-moment", "Give a moment of this age.") from error


#: A moment with its time zone, in UTC once it is read; one that has no time in UTC is an error by name.
Moment = Annotated[AwareDatetime, AfterValidator(_in_utc)]


class ProblemResponse(JSONResponse):
    """A response of type application/problem+json."""

    media_type = "application/problem+json"


class MethodNotAllowed(AppError):
    """The path exists, but not for this method; `Allow` lists those it has."""

    status = 405
    code = "method-not-allowed"
    title = "This method is not offered here"
    fix = (
        "Dit kan niet op dit adres. De kop Allow zegt wat wel kan.",
        "This is not possible at this address. The header Allow says what is.",
    )


class TooLargeBody(AppError):
    """The body is larger than this door takes."""

    status = 413
    code = "too-large"
    title = "The request is too large"
    fix = (
        "Dit is te groot. Maak het kleiner en stuur het opnieuw.",
        "This is too large. Make it smaller and send it again.",
    )


def create_app(
    title: str, verifier: IdentityVerifier, *, large_bodies: Mapping[str, int] | None = None
) -> FastAPI:
    """A FastAPI application under the API rules; refuses every request without a signed identity.

    A body is at most `MAX_BODY_BYTES`, save at the paths of `large_bodies`, which stream it.
    """
    app = FastAPI(
        title=title,
        version=API_VERSION,
        openapi_url=OPENAPI_PATH,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        generate_unique_id_function=operation_id,
    )
    render_errors(app)
    describe(app)
    app.add_middleware(_Door, verifier=verifier, large_bodies=large_bodies or {})
    return app


def render_errors(app: FastAPI) -> None:
    """Let every error of this application leave as problem+json."""
    app.add_exception_handler(AppError, _render)
    app.add_exception_handler(RequestValidationError, _render_invalid)
    app.add_exception_handler(HTTPException, _render_http)
    for kind in AWAY_KINDS:
        app.add_exception_handler(kind, _render_away)
    app.add_exception_handler(Exception, _render_unexpected)


async def caller(request: Request) -> Identity:  # a plain function would cost each request a thread
    """The identity that came with the request."""
    identity: Identity = request.state.identity
    return identity


Caller = Annotated[Identity, Depends(caller)]


class _Door:
    """Checks identity, adds headers, bounds the body, measures; plain ASGI, so that streams stay streams."""

    def __init__(self, app: ASGIApp, verifier: IdentityVerifier, large_bodies: Mapping[str, int]) -> None:
        self._app = app
        self._verifier = verifier
        self._large_bodies = large_bodies

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started = time.perf_counter()
        status = 500

        async def send_with_headers(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = [*message.get("headers", []), *_HEADERS]
            await send(message)

        try:
            refusal = self._admit(scope)
            if refusal is not None:
                response = problem_response(refusal)
                await response(scope, receive, send_with_headers)
            else:
                await self._app(scope, _bounded(receive, self._limit_of(scope)), send_with_headers)
        finally:
            route = getattr(scope.get("route"), "path", "none")
            metrics.HTTP_REQUESTS.labels(route, scope["method"], str(status)).inc()
            metrics.HTTP_SECONDS.labels(route).observe(time.perf_counter() - started)

    def _limit_of(self, scope: Scope) -> int:
        return self._large_bodies.get(scope["path"], MAX_BODY_BYTES)

    def _admit(self, scope: Scope) -> AppError | None:
        headers = dict(scope["headers"])
        if scope["path"] == OPENAPI_PATH:
            return None
        try:
            length = int(headers.get(b"content-length", b"0"))
        except ValueError:
            return Malformed("Content-Length is not a number.")
        limit = self._limit_of(scope)
        if length > limit:
            return _too_large(limit)
        scheme, _, token = headers.get(b"authorization", b"").decode("latin-1").partition(" ")
        if scheme.lower() != "bearer":
            return NotSignedIn("The request did not come through the gateway.")
        try:
            scope.setdefault("state", {})["identity"] = self._verifier.verify(token)
        except NotSignedIn as error:
            return error
        return _unreadable_query(scope["query_string"])


def _bounded(receive: Receive, limit: int) -> Receive:
    """The body as it comes, cut off at the bound: one that is sent in chunks tells no length beforehand."""
    taken = 0

    async def receive_bounded() -> Message:
        nonlocal taken
        message = await receive()
        taken += len(message.get("body", b""))
        if taken > limit:
            raise HTTPException(
                TooLargeBody.status, str(_too_large(limit))
            )  # FastAPI lets only this kind through
        return message

    return receive_bounded


def _too_large(limit: int) -> TooLargeBody:
    return TooLargeBody(f"A request is at most {limit} bytes.")


def _unreadable_query(query: bytes) -> Malformed | None:
    names = readable.unreadable_parameters(query)
    if not names:
        return None
    fields = [FieldError(f"query:{name}", readable.CODE, readable.DUTCH, readable.ENGLISH) for name in names]
    return Malformed("Some parameters are not valid.", errors=fields)


def problem_response(error: AppError) -> ProblemResponse:
    """The rendering of an expected outcome."""
    return ProblemResponse(problem_document(error), status_code=error.status, headers=error.headers)


async def _render(_request: Request, error: Exception) -> ProblemResponse:
    assert isinstance(error, AppError)  # noqa: S101 -- registered for AppError only
    return problem_response(error)


async def _render_invalid(_request: Request, error: Exception) -> ProblemResponse:
    assert isinstance(error, RequestValidationError)  # noqa: S101 -- registered for this type only
    fields = [field_error(item) for item in error.errors()]
    return problem_response(Malformed("Some fields are not valid.", errors=fields))


async def _render_http(_request: Request, error: Exception) -> ProblemResponse:
    assert isinstance(error, HTTPException)  # noqa: S101 -- registered for this type only
    if error.status_code == 405:
        return problem_response(MethodNotAllowed(headers=error.headers))
    if error.status_code == 404:
        return problem_response(NotFound())
    if error.status_code == TooLargeBody.status:
        return problem_response(TooLargeBody(error.detail))
    unreadable = FieldError(
        "", "unreadable", "De inhoud is geen geldige JSON in UTF-8.", "The body is not valid JSON in UTF-8."
    )
    return problem_response(Malformed("The request could not be read.", errors=[unreadable]))


async def _render_away(_request: Request, error: Exception) -> ProblemResponse:
    """An outage is expected: it is answered here, and not thrown at the server as a fault of ours."""
    if not is_away(error):
        raise error
    log.warning("database.away", error=type(error).__name__)
    return problem_response(Unavailable("The database is away for a moment; nothing was changed."))


async def _render_unexpected(_request: Request, error: Exception) -> ProblemResponse:
    log.error("request.failed", error=type(error).__name__, exc_info=error)
    return problem_response(Failed())
