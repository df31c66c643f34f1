"""API keys: made, listed and revoked."""

import re
import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from common.contracts.codes import Role
from common.db import Database
from common.errors import AppError, FieldError, Malformed

from gateway import store
from gateway.actions.municipalities import department_faults
from gateway.actions.signing_in import hash_of
from gateway.domain.people import ApiKey
from gateway.store import ListedKey

API_KEY_PREFIX = "vk_"
MOST_PER_MINUTE = 100_000
_KEY_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")
_KEY_ROLES = frozenset({Role.REPORTER, Role.STAFF_ENTRY, Role.EXPORT})


class KeyNameTaken(AppError):
    """An API key has or had this name; a name leads to one key, for good."""

    code = "key-name-taken"
    title = "There is, or was, an API key of this name"
    fix = (
        "Kies een andere naam. Een naam blijft altijd van dezelfde sleutel.",
        "Choose another name. A name stays with the same key for good.",
    )


class UnknownKey(AppError):
    """No API key of this municipality has this name."""

    status = 404
    code = "unknown-api-key"
    title = "There is no such API key"


@dataclass(frozen=True)
class KeyBounds:
    """What narrows a key; None is as wide as its roles."""

    signal_types: frozenset[str] | None = None  # what it may report
    reporter_kind: str | None = None  # as whom it reports
    per_minute: int | None = None  # requests


async def put_api_key(
    database: Database,
    *,
    municipality: str,
    name: str,
    roles: Iterable[Role],
    purpose: str,
    departments: Iterable[str] = (),
    expires_at: datetime | None = None,
    bounds: KeyBounds = KeyBounds(),
    key: str | None = None,
    made_by: UUID | None = None,
) -> str:
    """Make the API key of this name; returns the key, of which only a hash is kept.

    A key reports or downloads figures; every other role is a person's (`Malformed`). A name that was ever
    used is `KeyNameTaken`, so that each name on record leads to one key. Idempotent with a given `key` (`vk_`
    and at least 32 characters), which then stays as it is. `made_by` is the person who makes it.
    """
    key = key or new_api_key()
    if not key.startswith(API_KEY_PREFIX) or len(key) < len(API_KEY_PREFIX) + 32:
        raise ValueError("an API key is 'vk_' and at least 32 random characters")
    wanted_departments = frozenset(departments)
    wanted_roles = frozenset(roles)
    async with database.tenant(municipality) as connection:
        faults = await department_faults(connection, municipality, wanted_departments)
        faults += [*_key_faults(name, wanted_roles, bounds)]
        if faults:
            raise Malformed("The key is not added.", errors=faults)
        granted = ApiKey(
            municipality=municipality,
            name=name,
            roles=frozenset(role.value for role in wanted_roles),
            departments=wanted_departments,
            expires_at=expires_at,
            signal_types=bounds.signal_types,
            reporter_kind=bounds.reporter_kind,
            per_minute=bounds.per_minute,
        )
        named = await store.insert_api_key(connection, granted, hash_of(key), purpose, made_by)
    if named != hash_of(key):
        raise KeyNameTaken("Choose a name that no key has or had.")
    return key


async def list_api_keys(database: Database, municipality: str) -> list[ListedKey]:
    """Every key that was made for a municipality, alive or not, by name; never the key itself."""
    async with database.tenant(municipality) as connection:
        return await store.read_api_keys(connection)


async def revoke_api_key(
    database: Database, municipality: str, name: str, now: datetime, by: UUID | None = None
) -> bytes:
    """Let a key be of no more use, and keep which person did that first; returns its hash.

    Idempotent. Raises `UnknownKey`.
    """
    key_hash = None
    if _KEY_NAME.fullmatch(name):  # no other was ever made
        async with database.tenant(municipality) as connection:
            key_hash = await store.revoke_api_key(connection, name, by, now)
    if key_hash is None:
        raise UnknownKey("This municipality has no API key of that name.")
    return key_hash


def new_api_key() -> str:
    """A fresh key of 256 random bits."""
    return API_KEY_PREFIX + secrets.token_urlsafe(32)


def _key_faults(name: str, roles: frozenset[Role], bounds: KeyBounds) -> Iterable[FieldError]:
    if not _KEY_NAME.fullmatch(name):
        yield FieldError(
            "/name",
            "not-a-name",
            "De naam heeft 1 tot 64 kleine letters, cijfers, punten en streepjes.",
            "The name has 1 to 64 lower-case letters, digits, dots and dashes.",
        )
    for role in sorted(roles - _KEY_ROLES):
        yield FieldError(
            "/roles",
            "person-role",
            f"De rol {role.value} is voor mensen, niet voor een sleutel.",
            f"The role {role.value} is for people, not for a key.",
        )
    if not roles:
        yield FieldError("/roles", "missing", "Noem ten minste één rol.", "Name at least one role.")
    if bounds.signal_types is not None and not bounds.signal_types:
        yield FieldError(
            "/signalTypes",
            "missing",
            "Noem ten minste één signaaltype, of laat dit weg voor alle.",
            "Name at least one signal type, or leave this out for all.",
        )
    if bounds.per_minute is not None and not 1 <= bounds.per_minute <= MOST_PER_MINUTE:
        yield FieldError(
            "/perMinute",
            "out-of-range",
            f"Kies 1 tot {MOST_PER_MINUTE} verzoeken per minuut.",
            f"Choose 1 to {MOST_PER_MINUTE} requests a minute.",
        )
