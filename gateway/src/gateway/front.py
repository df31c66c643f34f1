"""Who stands at the door: which municipality, which person or key, and whether they really meant it."""

import asyncio
import time
from collections.abc import Mapping
from dataclasses import dataclass

from common.auth import Identity
from common.contracts.codes import Role
from common.db import Database, is_away
from common.errors import AppError, NotAllowed, Unavailable
from common.log import get_logger
from common.pauses import pause
from starlette.requests import Request
from starlette.types import Scope

from gateway import store
from gateway.actions import API_KEY_PREFIX, UnknownMunicipality
from gateway.bodies import Bodies, Uploads, network_of
from gateway.domain.people import ApiKey, Municipality, Session
from gateway.draft_keys import DraftKeys
from gateway.flood import Flood
from gateway.invitations import Invitations
from gateway.key_pace import KeyPace
from gateway.session import KeyUnknown, Sessions, csrf_token, is_csrf_token
from gateway.settings import GatewaySettings
from gateway.upstream import ServiceClient

SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
_OWN_SITES = frozenset({b"same-origin", b"none"})  # "none": by who uses the browser, from no page
_ASK_AGAIN_SECONDS = 1.0

log = get_logger()


class CsrfMissing(NotAllowed):
    """A change by cookie must carry the session's CSRF token."""

    code = "csrf-token"
    title = "The request does not come from a page of this session"
    fix = (
        "U bent intussen aangemeld of afgemeld. Haal de pagina opnieuw op en verstuur het nog eens.",
        "You signed in or out meanwhile. Get the page again and send it once more.",
    )


class CrossSite(NotAllowed):
    """A browser says that a page of another host sent this change."""

    code = "cross-site"
    title = "Another site may not change anything here"
    fix = (
        "Dit verzoek komt van een andere site. Doe het op de pagina van de gemeente.",
        "This request comes from another site. Do it at the page of the municipality.",
    )


class OtherMunicipality(NotAllowed):
    """A session or key is of one municipality; the request names another."""

    code = "other-municipality"
    title = "You are signed in to another municipality than the header Municipality names"
    fix = (
        "U bent bij een andere gemeente aangemeld. Laat de kop Municipality weg, of meld u daar aan.",
        "You are signed in at another municipality. Leave the header Municipality out, or sign in there.",
    )


class Directory:
    """Every municipality of the installation, at hand without a question to the database."""

    name = "municipalities"

    def __init__(self, database: Database, settings: GatewaySettings) -> None:
        self._database = database
        self._default = settings.default_municipality
        self._refresh_seconds = settings.municipality_refresh_seconds
        self._by_code: dict[str, Municipality] = {}
        self._by_host: dict[str, Municipality] = {}
        self._version: tuple[int, int] | None = None
        self._asked_at = float("-inf")
        self._refreshing = asyncio.Lock()
        self.trouble: str | None = "municipalities are not loaded yet"

    async def run(self, stopping: asyncio.Event) -> None:
        """Keep up with the database until told to stop."""
        while not stopping.is_set():
            await self.refresh()
            await pause(stopping, self._refresh_seconds)

    async def refresh(self) -> None:
        """Read what changed; when the database is away, what was known stays known."""
        async with self._refreshing:
            self._asked_at = time.monotonic()
            try:
                async with self._database.flowing() as connection:
                    version = await store.read_directory_version(connection)
                    if version != self._version:
                        self._take(await store.read_directory(connection))
                        self._version = version
                self.trouble = None
            except Exception as error:
                if not is_away(error):
                    raise
                self.trouble = "the database is away"

    def asked(self, headers: Mapping[bytes, bytes]) -> Municipality | None:
        """The municipality that a request names: by header, else by host, else the installation's own."""
        named = headers.get(b"municipality")
        if named is not None:
            return self._by_code.get(named.decode("latin-1"))
        host = headers.get(b"host", b"").decode("latin-1").lower()
        found = self._by_host.get(host) or self._by_host.get(host.partition(":")[0])
        return found or (self._by_code.get(self._default) if self._default else None)

    async def named(self, headers: Mapping[bytes, bytes]) -> Municipality:
        """As `asked`, but looks again for one that was configured a moment ago; `UnknownMunicipality`."""
        found = self.asked(headers)
        if found is None and time.monotonic() - self._asked_at >= _ASK_AGAIN_SECONDS:
            await self.refresh()
            found = self.asked(headers)
        if found is None and self._version is None:
            raise Unavailable("The municipalities are not loaded yet.")
        if found is None:
            raise UnknownMunicipality("Name a municipality of this installation in the header Municipality.")
        return found

    def get(self, code: str) -> Municipality | None:
        """The municipality with this code."""
        return self._by_code.get(code)

    def all(self) -> list[Municipality]:
        """Every municipality, by code."""
        return list(self._by_code.values())

    def _take(self, municipalities: list[Municipality]) -> None:
        self._by_code = {municipality.code: municipality for municipality in municipalities}
        self._by_host = {host: each for each in municipalities for host in each.hosts}


@dataclass(frozen=True)
class Visitor:
    """Who asks, where, and with which session."""

    municipality: Municipality
    identity: Identity
    session: Session | None = None
    session_token: str | None = None
    key: ApiKey | None = None

    @property
    def csrf_token(self) -> str:
        """What a form of this session must send along; empty for who has no session."""
        return csrf_token(self.session_token) if self.session_token else ""


@dataclass(frozen=True)
class Front:
    """What the pages, the API and the pass-through stand on."""

    settings: GatewaySettings
    database: Database
    directory: Directory
    sessions: Sessions
    services: ServiceClient
    bodies: Bodies
    uploads: Uploads
    flood: Flood
    invitations: Invitations
    draft_keys: DraftKeys
    key_pace: KeyPace

    async def visitor(self, request: Request) -> Visitor:
        """Who sent this request, in the pace of its API key. A dead session is nobody.

        Raises `NotSignedIn` for a wrong key, `TooMuch` for one that asks too often, and `UnknownMunicipality`
        when nothing says which municipality is meant.
        """
        visitor = await self.visitor_of(request.scope)
        await self.key_pace.keep(visitor.key)
        return visitor

    async def visitor_of(self, scope: Scope) -> Visitor:
        """As `visitor`, for a bare ASGI scope, and without a pace: who answers a key keeps that."""
        headers: dict[bytes, bytes] = dict(scope["headers"])
        authorization = headers.get(b"authorization")
        if authorization is not None:
            return await self._by_key(authorization.decode("latin-1"), headers)
        current = await self.sessions.current(headers)
        if current is None:
            municipality = await self.directory.named(headers)
            return Visitor(municipality, Identity(municipality.code))
        token, session = current
        person = session.person
        identity = Identity(
            municipality=person.municipality,
            person=person.id,
            roles=frozenset(Role(role) for role in person.roles),
            departments=person.departments,
            key_groups=person.key_groups,
        )
        return Visitor(await self._home(person.municipality, headers), identity, session, token)

    async def mark_of(self, scope: Scope) -> str:
        """The mark of the session that lives, or the key that opens something, of a request; empty for none.

        Nothing is refused here: who is nobody waits with everybody, and hears later what is wrong.
        """
        try:
            return (await self.visitor_of(scope)).identity.mark
        except AppError:
            return ""

    def refuse_forgery(self, scope: Scope, visitor: Visitor, token: str | None = None) -> None:
        """Refuse a change that a page of this session did not send.

        `token` is the field of a form; without it the header `X-CSRF-Token` counts. Who has no session, or
        an API key, needs none: there is nothing that a browser would add by itself.
        """
        if scope["method"] in SAFE_METHODS or visitor.session_token is None:
            return
        given = token
        if given is None:
            given = dict(scope["headers"]).get(b"x-csrf-token", b"").decode("latin-1")
        if not is_csrf_token(given, visitor.session_token):
            raise CsrfMissing("Send the session's CSRF token in the header X-CSRF-Token.")

    async def _by_key(self, authorization: str, headers: Mapping[bytes, bytes]) -> Visitor:
        scheme, _, key = authorization.partition(" ")
        if scheme.lower() != "bearer" or not key.startswith(API_KEY_PREFIX):
            raise KeyUnknown("Send an API key as 'Authorization: Bearer vk_…'.")
        found = await self.sessions.find_key(key)
        identity = Identity(
            municipality=found.municipality,
            key_name=found.name,
            roles=frozenset(Role(role) for role in found.roles),
            departments=found.departments,
            signal_types=found.signal_types,
            reporter_kind=found.reporter_kind,
        )
        return Visitor(await self._home(found.municipality, headers), identity, key=found)

    async def _home(self, code: str, headers: Mapping[bytes, bytes]) -> Municipality:
        named = headers.get(b"municipality")
        if named is not None and named.decode("latin-1") != code:
            raise OtherMunicipality("Name the municipality of this session or key, or leave the header away.")
        return await self.directory.named({b"municipality": code.encode()})


def address_of_scope(scope: Scope) -> str:
    """As `address_of`, for a bare ASGI scope."""
    return network_of(scope)


def address_of(request: Request) -> str:
    """The network that a request came from; never an address."""
    return network_of(request.scope)


def refuse_cross_site(scope: Scope) -> None:
    """Refuse a change that a browser says a page of another host started (Fetch Metadata).

    A host of the same domain too: the town's other pages are not ours.
    """
    if scope["method"] in SAFE_METHODS:
        return
    for name, value in scope["headers"]:
        if name == b"sec-fetch-site" and value not in _OWN_SITES:
            raise CrossSite("Send this from a page of this site, or from a program.")
