"""The API of the services, passed on: only what the table holds, signed, streamed where it is large."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from http import HTTPStatus

import aiohttp
from common.errors import AppError, NotAllowed, NotFound, NotSignedIn
from common.log import get_logger
from common.sharing import within_wider
from common.web import MethodNotAllowed
from starlette.types import Message, Receive, Scope, Send

from gateway.bodies import MARK, Incoming, declared_bytes, network_of
from gateway.domain.routes import KIB, Route, RouteTable
from gateway.flood import HEADER, PAGE_CHARACTERS, Admission, Asked
from gateway.front import Front, Visitor, address_of_scope
from gateway.invitations import HEADER as HEADER_OF_INVITATION

#: A route that takes no more gets its body whole, before a service is asked; and an answer of no more is read
#: whole, before its reader gets it. So no slow sender, and no slow reader, holds a connection to a service.
WHOLE_BYTES = 1024 * KIB
_PROOF_HEADERS = (b"idempotency-key", HEADER.lower().encode())
_INVITATION = HEADER_OF_INVITATION.lower()
_WATCH_AFTER_SECONDS = 0.05

#: What a service may know of a request. All else stays here: credentials, cookies, addresses, user agents,
#: hop-by-hop and forwarding headers (RFC 9110, 7.6.1).
_PASSED_ON = frozenset(
    {
        b"accept",
        b"accept-encoding",
        b"accept-language",
        b"content-type",
        b"idempotency-key",
        b"if-match",
        b"if-none-match",
        b"invitation-code",
        b"prefer",
        b"purpose",
        b"signal-type",
        b"traceparent",
    }
)
_KEPT_BACK = frozenset(
    {
        b"connection",
        b"keep-alive",
        b"proxy-authenticate",
        b"proxy-authorization",
        b"te",
        b"trailer",
        b"transfer-encoding",
        b"upgrade",
        b"server",
        b"date",
        b"set-cookie",
    }
)

log = get_logger()


class ClientGone(Exception):
    """The one who asked hung up."""


class Passthrough:
    """An ASGI application that passes requests on to the service that owns the path."""

    def __init__(self, front: Front, table: RouteTable | None = None) -> None:
        self._front = front
        self._table = table or RouteTable()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request; expected outcomes are raised as `AppError`."""
        route = self._route_of(scope)
        scope["route"] = _Named(route.pattern)
        visitor = await self._front.visitor_of(scope)
        scope[MARK] = visitor.identity.mark
        admit(route, visitor)
        await self._front.key_pace.keep(visitor.key)
        self._front.refuse_forgery(scope, visitor)
        admission = self._admission(route, visitor, scope)
        exchange = _Exchange(scope, receive, send)
        async with self._body(route, exchange, visitor) as body:
            with suppress(ClientGone):
                if isinstance(body, bytes):
                    await admission.enter(len(body), _marks_in(body) if route.needs_proof else 0)
                with admission:
                    await exchange.run(self._pass_on(route, visitor, exchange, body, admission))
                if admission.is_new and route.needs_proof and not route.is_preview:
                    self._front.uploads.taken_along(scope, visitor.identity, _files_in(body))

    def _admission(self, route: Route, visitor: Visitor, scope: Scope) -> Admission:
        """Leave to pass a request on; who is anonymous shows a proof where the route needs one."""
        if not route.needs_proof or not visitor.identity.is_anonymous:
            return Admission()
        headers: dict[bytes, bytes] = dict(scope["headers"])
        key, proof = (headers.get(name, b"").decode("latin-1") for name in _PROOF_HEADERS)
        flood = self._front.flood
        admit_it = flood.admit_preview if route.is_preview else flood.admit
        return admit_it(Asked(visitor.municipality.code, address_of_scope(scope), key, proof))

    @asynccontextmanager
    async def _body(
        self, route: Route, exchange: "_Exchange", visitor: Visitor
    ) -> AsyncIterator[bytes | AsyncIterator[bytes]]:
        """The whole body, so that a slow sender holds no connection to a service; a large one as it comes.

        Of the large ones only a few are open at a time, which leaves connections for everything else.
        """
        if route.max_bytes <= WHOLE_BYTES:
            async with self._front.bodies.whole(exchange.scope, exchange.receive, route.max_bytes) as body:
                exchange.body_is_read()
                yield body
            return
        uploads = self._front.uploads
        exchange.length = declared_bytes(exchange.scope, route.max_bytes)
        async with uploads.place(exchange.scope, visitor.identity) as stay:
            exchange.upload = Incoming(exchange.receive, route.max_bytes, uploads.tempo, stay)
            yield exchange.upload.pieces()

    def _route_of(self, scope: Scope) -> Route:
        methods = self._table.methods_of(scope["path"])
        if not methods:
            raise NotFound
        route = methods.get(scope["method"])
        if route is None:
            raise MethodNotAllowed(headers={"Allow": ", ".join(sorted(methods))})
        return route

    async def _pass_on(
        self,
        route: Route,
        visitor: Visitor,
        exchange: "_Exchange",
        body: bytes | AsyncIterator[bytes],
        admission: Admission,
    ) -> None:
        scope = exchange.scope
        query = scope["query_string"].decode("latin-1")
        target = f"{scope['path']}?{query}" if query else scope["path"]
        sent = exchange.headers_on()
        if exchange.upload is not None:
            sent |= self._front.uploads.marked(scope, visitor.identity)
        elif route.needs_proof and isinstance(body, bytes):
            sent |= self._front.uploads.marked_if_long(scope, visitor.identity, len(body))
        code = sent.get(_INVITATION, "") if visitor.identity.is_anonymous else ""
        try:
            async with (
                self._front.invitations.trying(address_of_scope(scope), code) as attempt,
                self._front.services.request(
                    visitor.identity,
                    route.service,
                    route.method,
                    target,
                    headers=sent,
                    has_place=exchange.upload is not None,
                    within=within_wider(network_of(scope)),
                    data=body or None,
                ) as answer,
            ):
                attempt.ends(answer.status)
                admission.ends(answer.status)
                if exchange.upload is not None and answer.status == HTTPStatus.CREATED:
                    self._front.uploads.waits(scope, visitor.identity)
                whole = await exchange.whole(answer)
                if whole is None:
                    within = within_wider(network_of(scope))
                    with self._front.services.streaming(visitor.identity, route.service, within):
                        await exchange.stream(answer)
            if whole is not None:
                await exchange.give(whole)
        except AppError:
            if exchange.fault:
                raise exchange.fault from None
            if exchange.is_answering:
                # The head has left: cut the connection, so that half an answer cannot pass for a whole one.
                log.warning("passthrough.cut", service=route.service)
                return
            raise


def _files_in(report: bytes | AsyncIterator[bytes]) -> int:
    """How many files a report that intake accepted takes along."""
    if not isinstance(report, bytes) or b'"attachments"' not in report:
        return 0
    return _count_in(report, "attachments")


def _marks_in(report: bytes) -> int:
    """How many marks are sought in a long text; in a short one they cost nothing to speak of."""
    return _count_in(report, "hide") if len(report) > PAGE_CHARACTERS else 0


def _count_in(report: bytes, name: str) -> int:
    try:
        named = json.loads(report).get(name)
    except (ValueError, AttributeError, RecursionError):
        return 0
    return len(named) if isinstance(named, list) else 0


class _Named:
    """What the metrics call this route."""

    def __init__(self, path: str) -> None:
        self.path = path


def admit(route: Route, visitor: Visitor) -> None:
    """Refuse a caller whom the table does not name."""
    if route.roles is None:
        return
    if visitor.identity.is_anonymous:
        raise NotSignedIn("Sign in, or send an API key.", headers={"WWW-Authenticate": "Bearer"})
    if not route.roles & visitor.identity.roles:
        raise NotAllowed(f"This needs the role {' or '.join(sorted(route.roles))}.")


@dataclass(frozen=True)
class _Whole:
    """An answer of a service, read to its end."""

    start: Message
    body: bytes


class _Exchange:
    """One request and its answer, with a watch for a client that hangs up."""

    def __init__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.scope = scope
        self.is_answering = False
        self.receive = receive
        self.length: int | None = None  # of the body, as the sender says
        self.upload: Incoming | None = None  # a body that is passed on while it comes
        self._send = send
        self._is_read = False
        self.is_gone = False

    @property
    def is_read(self) -> bool:
        """Whether the whole body came."""
        return self._is_read or (self.upload is not None and self.upload.is_whole)

    def body_is_read(self) -> None:
        """The whole body came."""
        self._is_read = True

    @property
    def fault(self) -> AppError | None:
        """What went wrong with the body while it was passed on."""
        return self.upload.fault if self.upload else None

    def headers_on(self) -> dict[str, str]:
        """The headers that the service gets."""
        headers = {
            name.decode("latin-1"): value.decode("latin-1")
            for name, value in self.scope["headers"]
            if name in _PASSED_ON
        }
        if self.length is not None:
            headers["content-length"] = str(self.length)
        return headers

    async def whole(self, answer: aiohttp.ClientResponse) -> "_Whole | None":
        """An answer that is kept here until its reader has it, so that no connection to a service waits.

        None for one that is too long, or of unknown length: it goes back with `stream`.
        """
        length = answer.content_length
        if length is None or length > WHOLE_BYTES:
            return None
        return _Whole(self._start(answer), await answer.read())

    async def give(self, whole: "_Whole") -> None:
        """Pass a whole answer back."""
        self.is_answering = True
        await self._send(whole.start)
        await self._send({"type": "http.response.body", "body": whole.body})

    async def stream(self, answer: aiohttp.ClientResponse) -> None:
        """Pass an answer back as it comes, never faster than it is read."""
        self.is_answering = True
        await self._send(self._start(answer))
        async for piece in answer.content.iter_any():
            await self._send({"type": "http.response.body", "body": piece, "more_body": True})
        await self._send({"type": "http.response.body", "body": b""})

    def _start(self, answer: aiohttp.ClientResponse) -> Message:
        headers = [(name.lower(), value) for name, value in answer.raw_headers]
        headers = [each for each in headers if each[0] not in _KEPT_BACK]
        return {"type": "http.response.start", "status": answer.status, "headers": headers}

    async def run(self, work: Awaitable[None]) -> None:
        """Do the work, but stop it when the client hangs up; then raises `ClientGone`."""
        task = asyncio.current_task()
        assert task is not None  # noqa: S101 -- called from a coroutine
        watch = _Watch(self, task)
        watch.later()  # a quick answer needs no watch
        try:
            await work
        except asyncio.CancelledError:
            if not self.is_gone:
                raise
            task.uncancel()
            raise ClientGone from None
        finally:
            watch.end()


class _Watch:
    """Cancels the work of an exchange whose client hangs up."""

    def __init__(self, exchange: _Exchange, work: asyncio.Task[object]) -> None:
        self._exchange = exchange
        self._work = work
        self._timer: asyncio.TimerHandle | None = None
        self._listener: asyncio.Task[None] | None = None

    def later(self) -> None:
        """Begin to listen in a moment."""
        self._timer = asyncio.get_running_loop().call_later(_WATCH_AFTER_SECONDS, self._begin)

    def end(self) -> None:
        """Stop listening."""
        if self._timer:
            self._timer.cancel()
        if self._listener:
            self._listener.cancel()

    def _begin(self) -> None:
        if self._exchange.is_read:
            self._listener = asyncio.get_running_loop().create_task(self._listen())
        else:  # whoever reads the body sees it end
            self.later()

    async def _listen(self) -> None:
        while (await self._exchange.receive())["type"] != "http.disconnect":
            continue
        self._exchange.is_gone = True
        self._work.cancel()
