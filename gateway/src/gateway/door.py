"""The outermost layer: headers on every answer, a pace for every caller, and who answers which path."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Protocol

from common import metrics
from common.db import is_away
from common.errors import AppError, Malformed, NotFound, Unavailable
from common.log import get_logger
from common.web import problem_response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from gateway.api import OWN_PREFIXES
from gateway.bodies import MUNICIPALITY
from gateway.cookies import in_one_line
from gateway.front import Front, refuse_cross_site
from gateway.settings import GatewaySettings
from gateway.work import Metered, SharedWork

CONTENT_SECURITY_POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self' data: blob:",  # a photo that the vault opened
        "font-src 'self'",
        "connect-src 'self'",
        "manifest-src 'self'",
        "worker-src 'self'",
        "form-action 'self'",
        "frame-ancestors 'none'",
        "base-uri 'none'",
    )
)

log = get_logger()


def security_headers(settings: GatewaySettings) -> list[tuple[bytes, bytes]]:
    """What every answer carries, whoever made it."""
    headers = {
        "content-security-policy": CONTENT_SECURITY_POLICY,
        "x-content-type-options": "nosniff",
        "referrer-policy": "no-referrer",
        "cross-origin-opener-policy": "same-origin",
        "permissions-policy": "camera=(), geolocation=(self), microphone=(), payment=(), usb=()",
    }
    if settings.is_https and settings.hsts_seconds:
        headers["strict-transport-security"] = f"max-age={settings.hsts_seconds}; includeSubDomains"
    return [(name.encode(), value.encode()) for name, value in headers.items()]


class PagesApp(Protocol):
    """The pages: an ASGI application that can also say why it did not answer."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request for a page."""

    def refusal(self, scope: Scope, error: AppError) -> ASGIApp:
        """The answer to a request that does not get as far as a page."""


class Door:
    """The whole gateway as one ASGI application."""

    def __init__(
        self,
        front: Front,
        *,
        api: ASGIApp,
        passthrough: ASGIApp,
        pages: PagesApp | None,
        pause: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._directory = front.directory
        self._api, self._passthrough, self._pages = api, passthrough, pages
        self._headers = security_headers(front.settings)
        self._header_names = frozenset(name for name, _ in self._headers)
        self._work = SharedWork(front.settings, front.mark_of, pause)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request; an expected outcome that is raised becomes a problem document."""
        if scope["type"] != "http":
            return
        scope["headers"] = in_one_line(scope["headers"])
        answer = _Answer(send, self._headers, self._header_names)
        started = time.perf_counter()
        try:
            try:
                bill = await self._work.turn(scope, self._municipality_of(scope))
            except AppError as error:
                await self._refusal(scope, error)(scope, receive, answer.send)
            else:
                receive = self._work.in_turns(scope, receive)
                await Metered(self._answer(scope, receive, answer), bill.add)
        finally:
            route = getattr(scope.get("route"), "path", "none")
            metrics.HTTP_REQUESTS.labels(route, scope["method"], str(answer.status)).inc()
            metrics.HTTP_SECONDS.labels(route).observe(time.perf_counter() - started)

    async def _answer(self, scope: Scope, receive: Receive, answer: "_Answer") -> None:
        try:
            app = self._app_for(scope["path"])
            refuse_cross_site(scope)
            await app(scope, receive, answer.send)
        except AppError as error:
            if not answer.is_started:
                await self._refusal(scope, error)(scope, receive, answer.send)
        except Exception as error:
            if answer.is_started or not is_away(error):
                raise
            log.warning("database.away", error=type(error).__name__)
            away = Unavailable("The database is away for a moment; nothing was changed.")
            await self._refusal(scope, away)(scope, receive, answer.send)

    def _app_for(self, path: str) -> ASGIApp:
        if not path.startswith("/"):
            raise Malformed("Ask for a path.")  # and not for `*` (RFC 9112, 3.2)
        if path.startswith(OWN_PREFIXES):
            return self._api
        if path.startswith("/api/"):
            return self._passthrough
        if self._pages is None:
            raise NotFound
        return self._pages

    def _refusal(self, scope: Scope, error: AppError) -> ASGIApp:
        """A page for people, a problem document for programs."""
        path: str = scope["path"]
        if self._pages is None or not path.startswith("/") or path.startswith(("/api/", *OWN_PREFIXES)):
            return problem_response(error)
        return self._pages.refusal(scope, error)

    def _municipality_of(self, scope: Scope) -> str:
        """The code of the municipality on whose account this request comes; empty for none."""
        path: str = scope["path"]
        if path.startswith(("/api/", *OWN_PREFIXES)):
            place = self._directory.asked(dict(scope["headers"]))
        else:  # a page names its municipality in its address
            place = self._directory.get(path.removeprefix("/").partition("/")[0])
        code = scope[MUNICIPALITY] = place.code if place else ""
        return code


class _Answer:
    """The way back: adds the gateway's headers in place of any of the same name."""

    def __init__(self, send: Send, headers: list[tuple[bytes, bytes]], names: frozenset[bytes]) -> None:
        self.is_started = False
        self.status = 500
        self._send, self._headers, self._names = send, headers, names

    async def send(self, message: Message) -> None:
        """Pass a message on."""
        if message["type"] == "http.response.start":
            self.is_started = True
            self.status = message["status"]
            own = [each for each in message.get("headers", ()) if each[0] not in self._names]
            message["headers"] = own + self._headers
        await self._send(message)
