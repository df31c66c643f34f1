"""The outermost layer: headers on every answer, a pace for every caller, and who answers which path."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Protocol

from common import metrics
from common.db import is_away
from common.errors import AppError, NotFound, TooMuch, Unavailable
from common.log import get_logger
from common.sharing import widest, within_wider
from common.web import problem_response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from gateway.api import OWN_PREFIXES
from gateway.bodies import MUNICIPALITY, network_of
from gateway.cookies import in_one_line
from gateway.domain.fading import SharedPace
from gateway.domain.pace import Pace, TooFast
from gateway.front import Front, refuse_cross_site
from gateway.settings import GatewaySettings

STATIC_PREFIX = "/static/"
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
        settings = front.settings
        self._directory, self._mark_of = front.directory, front.mark_of
        self._api, self._passthrough, self._pages = api, passthrough, pages
        self._pause = pause
        self._headers = security_headers(settings)
        self._header_names = frozenset(name for name, _ in self._headers)
        patience = settings.rate_patience_seconds
        self._by_block = Pace(settings.rate_block_per_second, settings.rate_block_burst, patience)
        per_second, burst = settings.rate_municipality_per_second, settings.rate_municipality_burst
        self._by_municipality = SharedPace(per_second, burst, patience)
        self._by_municipality_of_known = SharedPace(per_second, burst, patience)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request; an expected outcome that is raised becomes a problem document."""
        if scope["type"] != "http":
            return
        scope["headers"] = in_one_line(scope["headers"])
        answer = _Answer(send, self._headers, self._header_names)
        started = time.perf_counter()
        try:
            app = self._app_for(scope["path"])
            refuse_cross_site(scope)
            if not scope["path"].startswith(STATIC_PREFIX):
                await self._keep_pace(scope)
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
        finally:
            route = getattr(scope.get("route"), "path", "none")
            metrics.HTTP_REQUESTS.labels(route, scope["method"], str(answer.status)).inc()
            metrics.HTTP_SECONDS.labels(route).observe(time.perf_counter() - started)

    def _app_for(self, path: str) -> ASGIApp:
        if path.startswith(OWN_PREFIXES):
            return self._api
        if path.startswith("/api/"):
            return self._passthrough
        if self._pages is None:
            raise NotFound
        return self._pages

    def _refusal(self, scope: Scope, error: AppError) -> ASGIApp:
        """A page for people, a problem document for programs."""
        if self._pages is None or scope["path"].startswith(("/api/", *OWN_PREFIXES)):
            return problem_response(error)
        return self._pages.refusal(scope, error)

    async def _keep_pace(self, scope: Scope) -> None:
        """Slow down before refusing. Of the address only its network counts, and only while it is busy."""
        path: str = scope["path"]
        if path.startswith(("/api/", *OWN_PREFIXES)):
            place = self._directory.asked(dict(scope["headers"]))
        else:  # a page names its municipality in its address
            place = self._directory.get(path.split("/", 2)[1])
        code = scope[MUNICIPALITY] = place.code if place else ""
        now = time.monotonic()
        try:
            delay = self._by_block.delay_seconds((code, widest(network_of(scope))), now)
            delay = max(delay, await self._delay_of_municipality(scope, code, now))
        except TooFast as error:
            raise TooMuch(
                "Too many requests at once; wait a moment.",
                headers={"Retry-After": str(int(error.retry_after_seconds) + 1)},
            ) from error
        if delay > 0:
            await self._pause(delay)

    async def _delay_of_municipality(self, scope: Scope, code: str, now: float) -> float:
        """Who is known has a pace beside that of everybody; they are looked up only where that is used up."""
        try:
            return self._by_municipality.delay_seconds((code, *within_wider(network_of(scope))), now)
        except TooFast:
            mark = await self._mark_of(scope)
            if not mark:
                raise
            return self._by_municipality_of_known.delay_seconds((code, mark), now)


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
