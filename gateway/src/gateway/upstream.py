"""Calls to the services behind the gateway: one pool of connections, signed, with a time for everything."""

from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager, nullcontext
from typing import Any

import aiohttp
from common.addresses import is_encrypted
from common.auth import Identity, IdentitySigner
from common.errors import AppError, Unavailable
from common.log import get_logger
from common.rooms import places_of_known
from common.sharing import NothingLeft, Path, Share
from yarl import URL

from gateway.settings import GatewaySettings

_STREAMS_PART = 2  # of the connections: so many are for answers that wait for their readers
_KEEP_SECONDS = 15  # shorter than the services keep an idle connection, so that no call meets a closed one

log = get_logger()


class TooSlow(AppError):
    """The service took the request but did not answer in time; whether it was done is not known."""

    status = 504
    code = "too-slow"
    title = "This takes too long right now"
    fix = (
        "Er kwam niet op tijd antwoord. Wacht een moment en stuur hetzelfde opnieuw.",
        "No answer came in time. Wait a little and send the same again.",
    )


class ServiceClient:
    """Speaks to the services as a visitor; use between `start` and `close`."""

    def __init__(self, settings: GatewaySettings, signer: IdentitySigner) -> None:
        self._signer = signer
        self._urls = settings.service_urls
        self._settings = settings
        self._session: aiohttp.ClientSession | None = None
        most = settings.upstream_connections
        self._places = {service: Share(most) for service in self._urls}
        self._places_of_known = {service: Share(places_of_known(most)) for service in self._urls}
        self._streams = {service: Share(most // _STREAMS_PART) for service in self._urls}
        self._streams_of_known = {
            service: Share(places_of_known(most // _STREAMS_PART)) for service in self._urls
        }

    async def start(self) -> None:
        """Make the pool; needs the running loop.

        Over https a service must prove its name, and the gateway shows its certificate.
        """
        is_tls = any(is_encrypted(url) for url in self._urls.values())
        verified = self._settings.tls.client(shows=True) if is_tls else True
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(
                ssl=verified,
                limit=0,
                limit_per_host=_with_known(self._settings.upstream_connections)
                + _with_known(self._settings.uploads_at_once),
                keepalive_timeout=_KEEP_SECONDS,
            ),
            timeout=self._timeout(self._settings.upstream_read_seconds),
            auto_decompress=False,
            cookie_jar=aiohttp.DummyCookieJar(),
            skip_auto_headers=("User-Agent", "Accept", "Accept-Encoding"),
            raise_for_status=False,
        )

    async def close(self) -> None:
        """Close every connection."""
        if self._session:
            await self._session.close()
            self._session = None

    async def call(
        self,
        identity: Identity,
        service: str,
        method: str,
        path: str,
        json: object | None = None,
        *,
        headers: Mapping[str, str] | None = None,
    ) -> tuple[int, Any]:
        """Ask a service as this identity; its status and JSON (None for an empty answer).

        `path` is an absolute path with its query, already encoded. Raises `Unavailable` or `TooSlow`.
        """
        async with self.request(identity, service, method, path, headers=headers or {}, json=json) as answer:
            body = await answer.read()
            if not body:
                return answer.status, None
            if "json" not in answer.content_type:
                return answer.status, body.decode(errors="replace")
            return answer.status, await answer.json(content_type=None)

    @asynccontextmanager
    async def request(
        self,
        identity: Identity | None,
        service: str,
        method: str,
        path: str,
        *,
        headers: Mapping[str, str],
        has_place: bool = False,
        within: Path = (),
        **body: Any,  # noqa: ANN401 -- data= or json=, as aiohttp takes them
    ) -> AsyncIterator[aiohttp.ClientResponse]:
        """An answer whose body is not read yet. Raises `Unavailable` or `TooSlow`, also while it is read.

        One municipality never holds every connection to a service, nor does one person or key, nor who is
        anonymous: who is known has some of their own. `has_place`: the caller holds a place for an upload,
        which has a connection. `within`: the networks of who is anonymous, where they are known.
        """
        if self._session is None:
            raise Unavailable("The gateway is starting or stopping.")
        is_known = identity is not None and not identity.is_anonymous
        places = (self._places_of_known if is_known else self._places)[service]
        place = nullcontext() if has_place else places.held(_path(identity, within))
        try:
            with place:
                if has_place:
                    body["timeout"] = self._timeout(self._settings.upload_answer_seconds)
                async with self._asked(identity, service, method, path, headers, **body) as answer:
                    yield answer
        except NothingLeft as error:
            raise Unavailable("Very much comes in here at once; try again.") from error

    @contextmanager
    def streaming(self, identity: Identity, service: str, within: Path = ()) -> Iterator[None]:
        """For as long as an answer is passed on no faster than it is read; raises `Unavailable`.

        Only some connections may wait for readers, and each person, key or network has a share of these.
        """
        streams = self._streams if identity.is_anonymous else self._streams_of_known
        try:
            with streams[service].held(_path(identity, within)):
                yield
        except NothingLeft as error:
            raise Unavailable("Too many long answers are being read at once; try again.") from error

    @asynccontextmanager
    async def _asked(
        self,
        identity: Identity | None,
        service: str,
        method: str,
        path: str,
        headers: Mapping[str, str],
        **body: Any,  # noqa: ANN401 -- as above
    ) -> AsyncIterator[aiohttp.ClientResponse]:
        assert self._session is not None  # noqa: S101 -- `request` looked
        sent = dict(headers)
        if identity is not None:
            sent["Authorization"] = f"Bearer {self._signer.sign(identity, service)}"
        try:
            async with self._session.request(
                method,
                URL(self._urls[service] + path, encoded=True),
                headers=sent,
                allow_redirects=False,
                **body,
            ) as answer:
                yield answer
        except aiohttp.ServerTimeoutError as error:
            if isinstance(error, aiohttp.ConnectionTimeoutError):
                raise self._away(service, error) from error
            log.warning("service.slow", service=service)
            raise TooSlow(
                f"The {service} service did not answer in time; try again.", headers={"Retry-After": "5"}
            ) from error
        except aiohttp.ClientError as error:
            raise self._away(service, error) from error

    def _timeout(self, read_seconds: float) -> aiohttp.ClientTimeout:
        return aiohttp.ClientTimeout(
            total=None,
            connect=self._settings.upstream_connect_seconds + 3,  # with the wait for a free connection
            sock_connect=self._settings.upstream_connect_seconds,
            sock_read=read_seconds,
        )

    def _away(self, service: str, error: Exception) -> Unavailable:
        if not isinstance(error.__cause__, AppError):  # else who sends the body broke off
            log.warning("service.away", service=service, error=type(error).__name__)
        return Unavailable(f"The {service} service is away for a moment; try again.")


def _path(identity: Identity | None, within: Path) -> Path:
    if identity is None:
        return ("",)
    return (identity.municipality, *(within if identity.is_anonymous else (identity.mark,)))


def _with_known(most: int) -> int:
    return most + places_of_known(most)
