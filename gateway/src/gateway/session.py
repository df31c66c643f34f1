"""Sessions: the cookie, the CSRF token that goes with it, and who is behind a token."""

import asyncio
import hashlib
import hmac
import secrets
from base64 import urlsafe_b64encode
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from types import MappingProxyType
from uuid import UUID

from common.db import Database
from common.errors import NotSignedIn, TooMuch
from common.log import get_logger
from common.sharing import within_wider

from gateway import actions, store
from gateway.browsers import Browsers
from gateway.cookies import IMPORTANT, CookieNames, cookies_in
from gateway.domain.pace import Attempts, TooFast, address_block
from gateway.domain.people import ApiKey, Session
from gateway.passwords import Passwords
from gateway.recent import Recent
from gateway.settings import GatewaySettings

Clock = Callable[[], datetime]
Pause = Callable[[float], Awaitable[None]]

_TOUCH_SECONDS = 60
#: How often `Sessions.sweep` is due.
SWEEP_SECONDS = 300
_NO_HEADERS: Mapping[bytes, bytes] = MappingProxyType({})

log = get_logger()


class KeyRefused(NotSignedIn):
    """An API key that opens nothing; the subclasses tell its holder why."""

    def __init__(self, detail: str) -> None:
        super().__init__(detail, headers={"WWW-Authenticate": "Bearer"})


class KeyUnknown(KeyRefused):
    """Nobody has this key."""

    code = "api-key-unknown"
    title = "This API key is not known"
    fix = (
        "Deze API-sleutel is niet bekend. Kijk na wat u stuurt.",
        "This API key is not known. Check what you send.",
    )


class KeyRevoked(KeyRefused):
    """The municipality took this key back."""

    code = "api-key-revoked"
    title = "This API key was revoked"
    fix = (
        "Deze API-sleutel is ingetrokken. Vraag de gemeente om een nieuwe.",
        "This API key was revoked. Ask the municipality for a new one.",
    )


class KeyExpired(KeyRefused):
    """The key is past its end."""

    code = "api-key-expired"
    title = "This API key has expired"
    fix = (
        "Deze API-sleutel is verlopen. Vraag de gemeente om een nieuwe.",
        "This API key has expired. Ask the municipality for a new one.",
    )


def now_utc() -> datetime:
    """The clock of a running process."""
    return datetime.now(UTC)


class Sessions:
    """Signing in and out, and who is behind a cookie or an API key."""

    def __init__(
        self,
        database: Database,
        settings: GatewaySettings,
        passwords: Passwords,
        browsers: Browsers,
        *,
        clock: Clock = now_utc,
        pause: Pause = asyncio.sleep,
    ) -> None:
        self._database = database
        self._settings = settings
        self._names = CookieNames(settings.is_https)
        self._passwords = passwords
        self._browsers = browsers
        self._clock = clock
        self._pause = pause
        self._attempts = Attempts()
        self._salt = secrets.token_bytes(16)  # what was tried is remembered under a hash of this process
        self._sessions: Recent[Session] = Recent()
        self._keys: Recent[ApiKey] = Recent()

    @property
    def cookie_name(self) -> str:
        """The cookie of a session."""
        return self._names.session

    @property
    def form_cookie_name(self) -> str:
        """The cookie to which the form of signing in is bound."""
        return self._names.form

    async def sign_in(
        self,
        municipality: str,
        login: str,
        password: str,
        address: str = "",
        headers: Mapping[bytes, bytes] = _NO_HEADERS,
    ) -> tuple[str, Session]:
        """A new session and its token; the caller sets `cookies`. Address and headers are the request's.

        Raises `WrongSignIn`, `TooMuch` after several failures of this login from this network, or after many
        from everywhere, or `Unavailable` when too many wait; that attempt does not count. Whatever others
        try, a browser in which this person signed in before is not refused for it and waits seconds at most.
        """
        now, who = self._clock(), self._digest(municipality, actions.fold_login(login))
        lane = await self._browsers.lane(headers, municipality, actions.fold_login(login), now)
        networks = within_wider(address_block(address))
        self._passwords.refuse_when_full((municipality, *networks), is_known=lane is not None)
        where = self._digest(municipality, networks[0])
        delay, lane = self._begin(who, where, lane, now.timestamp())
        if delay:
            await self._pause(delay)
        token, session = await actions.sign_in(
            self._database,
            self._passwords,
            municipality=municipality,
            login=login,
            password=password,
            now=self._clock(),
            absolute_seconds=self._settings.session_absolute_seconds,
            networks=networks,
            is_known=lane is not None,
        )
        if lane is None:
            self._attempts.succeed(who, where)
        else:
            self._attempts.succeed_in_lane(lane)
        return token, session

    async def sign_out(self, tokens: Sequence[str]) -> int:
        """End these sessions, here at once, in other replicas within seconds; says how many there were."""
        hashes = [actions.hash_of(token) for token in tokens]
        async with self._database.flowing() as connection:
            ended = await store.delete_sessions(connection, hashes)
        for each in hashes:
            self._sessions.drop(each, self._clock())
        return ended

    async def current(self, headers: Mapping[bytes, bytes]) -> tuple[str, Session] | None:
        """The session of a request's cookies, with its token: of several the first that lives."""
        for token in self.tokens_in(headers):
            session = await self.find(token)
            if session is not None:
                return token, session
        return None

    async def find(self, token: str) -> Session | None:
        """The living session behind a token, or None; notes that it is used."""
        token_hash, now = actions.hash_of(token), self._clock()
        recent = self._sessions.get(token_hash, now)
        session = recent[0] if recent else await self._look_up(token_hash, now)
        if session is None or not session.is_alive(now, self._settings.session_idle_seconds):
            return None
        return session

    async def find_key(self, key: str) -> ApiKey:
        """The living API key behind these characters; notes the day. Raises `KeyRefused`.

        What is looked up is a hash of the key, so the time it takes tells nothing about any other key.
        """
        key_hash, now = actions.hash_of(key), self._clock()
        recent = self._keys.get(key_hash, now)
        found = recent[0] if recent else await self._look_up_key(key_hash, now)
        if found is None:
            raise KeyUnknown("Check the key, or ask the municipality for a new one.")
        if found.revoked_at is not None:
            raise KeyRevoked("Ask the municipality for a new key.")
        if found.is_expired(now):
            raise KeyExpired("Ask the municipality for a new key.")
        return found

    async def revoke_key(self, municipality: str, name: str, by: UUID | None = None) -> None:
        """Refuse a key from now on: here at once, in other replicas within seconds. Idempotent."""
        revoked = await actions.revoke_api_key(self._database, municipality, name, self._clock(), by)
        self._keys.drop(revoked, self._clock())

    async def cookies(
        self, token: str, session: Session, headers: Mapping[bytes, bytes], path: str
    ) -> list[str]:
        """The `Set-Cookie` values for who signed in, by the headers and the path of that request.

        The session, which ends with the browser's; and that this browser is known as this person's.
        """
        token_hash, now = actions.hash_of(token), self._clock()
        known = await self._browsers.remembering(headers, path, token_hash, session.person, now)
        return [f"{self.cookie_name}={token}; {self._attributes()}", known]

    def no_cookie(self) -> str:
        """The `Set-Cookie` value that takes a session away."""
        return f"{self.cookie_name}=; Max-Age=0; {self._attributes()}"

    def tokens_in(self, headers: Mapping[bytes, bytes]) -> Sequence[str]:
        """The session tokens in a request's cookies: one at most from a browser that knows `__Host-`."""
        return cookies_in(headers, self.cookie_name)

    def form_token(self, headers: Mapping[bytes, bytes]) -> tuple[str, str | None]:
        """What the form of signing in carries in this browser, and the `Set-Cookie` value if it has none yet.

        Who has no session has no token of one; so the form is bound to a cookie that no other host can set.
        It means nothing, is kept nowhere here, and goes when the browser closes.
        """
        bound = cookies_in(headers, self.form_cookie_name)
        if bound:
            return csrf_token(bound[0]), None
        fresh = secrets.token_urlsafe(32)
        return csrf_token(fresh), f"{self.form_cookie_name}={fresh}; {self._attributes()}"

    def is_own_form(self, headers: Mapping[bytes, bytes], given: str) -> bool:
        """Whether a form of signing in with this token was shown in the browser that sends it."""
        return any(is_csrf_token(given, each) for each in cookies_in(headers, self.form_cookie_name))

    async def sweep(self) -> int:
        """Forget sessions that have ended; says how many."""
        now = self._clock()
        idle_since = now - timedelta(seconds=self._settings.session_idle_seconds)
        async with self._database.flowing() as connection:
            return await store.delete_dead_sessions(connection, now, idle_since)

    def _begin(self, who: bytes, where: bytes, lane: bytes | None, now: float) -> tuple[float, bytes | None]:
        """How long to wait, and the lane if it is taken: who has worn that out comes as everybody does."""
        if lane is not None:
            with suppress(TooFast):
                return self._attempts.begin_in_lane(lane, now), lane
        try:
            return self._attempts.begin(who, where, now), None
        except TooFast as error:
            raise TooMuch(
                "Too many wrong attempts; wait a moment.",
                headers={"Retry-After": str(int(error.retry_after_seconds) + 1)},
            ) from error

    def _digest(self, municipality: str, name: str) -> bytes:
        named = f"{municipality}\n{name}".encode("utf-8", "surrogatepass")
        return hashlib.blake2b(named, key=self._salt, digest_size=16).digest()

    async def _look_up(self, token_hash: bytes, now: datetime) -> Session | None:
        async with self._database.flowing() as connection:
            session = await store.read_session(connection, token_hash)
            is_alive = session and session.is_alive(now, self._settings.session_idle_seconds)
            if session and is_alive and now - session.last_seen_at >= timedelta(seconds=_TOUCH_SECONDS):
                await store.touch_session(connection, token_hash, now)
        found = session if is_alive else None
        self._sessions.put(token_hash, found, now)
        return found

    async def _look_up_key(self, key_hash: bytes, now: datetime) -> ApiKey | None:
        async with self._database.flowing() as connection:
            found = await store.read_api_key(connection, key_hash)
            if found and found.is_alive(now) and found.last_used_on != now.date():
                await store.note_key_use(connection, key_hash, now.date())
        self._keys.put(key_hash, found, now)
        return found

    def _attributes(self) -> str:
        same_site = self._settings.session_same_site.capitalize()
        secure = "; Secure" if self._settings.is_https else ""
        return f"Path=/; HttpOnly; SameSite={same_site}{secure}{IMPORTANT}"


def csrf_token(session_token: str) -> str:
    """The CSRF token of a session: only who reads a page of the session knows it (signed double submit)."""
    digest = hmac.digest(session_token.encode(), b"vermoeden/csrf/v1", "sha256")
    return urlsafe_b64encode(digest).rstrip(b"=").decode()


def is_csrf_token(given: str, session_token: str) -> bool:
    """Whether this is the session's CSRF token; in constant time."""
    return hmac.compare_digest(given.encode(), csrf_token(session_token).encode())
