"""Browsers in which somebody signed in before: for them guessing from elsewhere changes nothing.

Each keeps a cookie that says so, to us only: it is sealed (ChaCha20-Poly1305, RFC 8439), of one length for
everybody, opens no session, and counts for nothing once the password is another. Nothing of it is kept here.
"""

import hmac
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from common.db import Database
from common.sealing import decode, encode
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from gateway import store
from gateway.cookies import IMPORTANT, CookieNames, cookies_in
from gateway.domain.people import Person
from gateway.settings import GatewaySettings

_PURPOSE = b"vermoeden known browser v1"
_NONCE_BYTES = 12
_ID_BYTES = _TAG_BYTES = 16
_TIME_BYTES = 4
_ENTRY_BYTES = _TAG_BYTES + _TIME_BYTES
_MOST_PEOPLE = 8  # who share a desk; who signed in longest ago makes room
_DAY_SECONDS = 24 * 60 * 60


@dataclass(frozen=True)
class KnownBrowser:
    """What a cookie says: its own id, by chance, and of whom it is, each with the second of signing in."""

    id: bytes
    people: tuple[tuple[bytes, int], ...]


class Browsers:
    """Reads and writes these cookies; every replica reads what another wrote."""

    def __init__(self, database: Database, settings: GatewaySettings, secret: bytes) -> None:
        self._database = database
        self._names = CookieNames(settings.is_https)
        self._seconds = settings.known_browser_days * _DAY_SECONDS
        derived = HKDF(hashes.SHA256(), 64, None, _PURPOSE).derive(secret)
        self._sealer, self._tag_key = ChaCha20Poly1305(derived[:32]), derived[32:]

    @property
    def cookie_name(self) -> str:
        """The cookie of a known browser."""
        return self._names.known

    async def lane(
        self, headers: Mapping[bytes, bytes], municipality: str, login: str, now: datetime
    ) -> bytes | None:
        """The name of the lane that this browser has for this login; None when it has none.

        Only who brings a cookie of ours makes us look the login up, whether it exists or not.
        """
        found = self._read(headers, now)
        if not found or not login.isprintable():
            return None
        async with self._database.tenant(municipality) as connection:
            account = await store.read_account(connection, login)
        if account is None:
            return None
        tag = self._tag(municipality, account.id, account.password_hash)
        for known in found:
            if any(hmac.compare_digest(tag, each) for each, _ in known.people):
                return known.id + tag
        return None

    async def remembering(
        self, headers: Mapping[bytes, bytes], path: str, token_hash: bytes, person: Person, now: datetime
    ) -> str:
        """The `Set-Cookie` value by which this browser is known as this person's, who just signed in, too.

        It counts for the password by which the session was given: when that ended meanwhile, for none.
        It is sent to the path of signing in only, so that it goes along with no report from this browser.
        Its id is a new one: who stole the cookie before shares no lane with it.
        """
        async with self._database.tenant(person.municipality) as connection:
            password_hash = await store.read_password_hash(connection, token_hash)
        found = self._read(headers, now)
        tag = self._tag(person.municipality, person.id, password_hash)
        others = dict(sorted((each for known in found for each in known.people), key=_signed_in_at))
        others.pop(tag, None)
        newest = sorted(others.items(), key=_signed_in_at, reverse=True)
        people = ((tag, int(now.timestamp())), *newest)[:_MOST_PEOPLE]
        value = self._sealed(KnownBrowser(secrets.token_bytes(_ID_BYTES), people))
        secure = "; Secure" if self._names.is_https else ""
        attributes = f"Max-Age={self._seconds}; Path={path}; HttpOnly; SameSite=Strict{secure}{IMPORTANT}"
        return f"{self.cookie_name}={value}; {attributes}"

    def _tag(self, municipality: str, person: UUID, password_hash: str) -> bytes:
        named = f"{municipality}\n{person}\n{password_hash}".encode()
        return hmac.digest(self._tag_key, named, "sha256")[:_TAG_BYTES]

    def _sealed(self, known: KnownBrowser) -> str:
        entries = [tag + at.to_bytes(_TIME_BYTES, "big") for tag, at in known.people]
        entries += [bytes(_ENTRY_BYTES)] * (_MOST_PEOPLE - len(entries))
        nonce = secrets.token_bytes(_NONCE_BYTES)
        return encode(nonce + self._sealer.encrypt(nonce, known.id + b"".join(entries), _PURPOSE))

    def _read(self, headers: Mapping[bytes, bytes], now: datetime) -> list[KnownBrowser]:
        """Every cookie of ours that came: what another page of the domain set by this name hides none."""
        values = cookies_in(headers, self.cookie_name)
        return [known for each in values if (known := self._opened(each, now)) is not None]

    def _opened(self, value: str, now: datetime) -> KnownBrowser | None:
        try:
            raw = decode(value)
            plain = self._sealer.decrypt(raw[:_NONCE_BYTES], raw[_NONCE_BYTES:], _PURPOSE)
        except (ValueError, InvalidTag):
            return None
        oldest = int(now.timestamp()) - self._seconds
        people = []
        for at in range(_ID_BYTES, len(plain), _ENTRY_BYTES):
            tag, signed_in = plain[at : at + _TAG_BYTES], plain[at + _TAG_BYTES : at + _ENTRY_BYTES]
            if int.from_bytes(signed_in, "big") > oldest:
                people.append((tag, int.from_bytes(signed_in, "big")))
        return KnownBrowser(plain[:_ID_BYTES], tuple(people))


def _signed_in_at(each: tuple[bytes, int]) -> int:
    return each[1]
