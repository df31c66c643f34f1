"""What the gateway does, each in one transaction: configure, admit people and keys, sign in and out."""

import hashlib
import re
import secrets
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

from common.contracts.codes import Role
from common.db import Database
from common.errors import AppError, FieldError, Malformed
from common.messaging import publish
from common.sealing import WrappedPrivateKey
from common.sharing import Path
from common.vouching import NotVouched, current_signer
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from gateway import store
from gateway.configuration import MunicipalityState, faults_of, signers_fault
from gateway.domain.people import ApiKey, Session
from gateway.passwords import LONGEST, SHORTEST, Passwords
from gateway.store import Account, GroupWrap, ListedKey, Vault

API_KEY_PREFIX = "vk_"
MOST_PER_MINUTE = 100_000
_KEY_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")
_KEY_ROLES = frozenset({Role.REPORTER, Role.STAFF_ENTRY, Role.EXPORT})


class UnknownMunicipality(AppError):
    """No municipality has this code; it must be configured first."""

    status = 404
    code = "unknown-municipality"
    title = "There is no such municipality here"
    fix = (
        "Deze gemeente is hier niet bekend. Kijk de code na.",
        "This municipality is not known here. Check its code.",
    )


class WrongSignIn(AppError):
    """Login and password do not belong together; which of the two is wrong is not told."""

    status = 401
    code = "wrong-login-or-password"
    title = "This login and password do not belong together"
    fix = (
        "Deze inlognaam en dit wachtwoord horen niet bij elkaar. Kijk ze na en probeer het opnieuw.",
        "This login and password do not belong together. Check them and try again.",
    )


class KeyNameTaken(AppError):
    """A living API key has this name."""

    code = "key-name-taken"
    title = "There is an API key of this name already"


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


@dataclass(frozen=True)
class Configured:
    """What came of configuring: the version that now holds, and whether anything changed."""

    version: int
    is_changed: bool


async def configure_municipality(database: Database, state: MunicipalityState) -> Configured:
    """Make this the whole state of a municipality and tell every service, if anything changed.

    Idempotent. Raises `Malformed` with everything that is wrong; then nothing is changed.
    """
    faults = faults_of(state)
    if faults:
        raise Malformed("The municipality is not configured.", errors=faults)
    try:
        async with database.tenant(state.code) as connection:
            await store.lock_municipality(connection, state.code)
            stored = await store.read_state(connection, state.code)
            if stored and stored[1] == state:
                return Configured(stored[0], is_changed=False)
            _require_succession(state, stored[1] if stored else None)
            version = stored[0] + 1 if stored else 1
            await store.write_state(connection, state, version)
            await publish(connection, state.as_event(version))
    except IntegrityError as error:
        if "uq_host" not in str(error.orig):
            raise
        raise Malformed(
            "The municipality is not configured.",
            errors=[
                FieldError(
                    "/hosts",
                    "host-taken",
                    "Een van deze hosts is van een andere gemeente.",
                    "One of these hosts belongs to another municipality.",
                )
            ],
        ) from error
    return Configured(version, is_changed=True)


def _require_succession(state: MunicipalityState, stored: MunicipalityState | None) -> None:
    """Refuse signers among whom the one that counts now is not: hearers would refuse them too."""
    if stored is None or not stored.signers:
        return
    try:
        current_signer(state.code, state.signers, stored.signers[-1].public_key)
    except NotVouched as error:
        raise Malformed("The municipality is not configured.", errors=[signers_fault(str(error))]) from error


async def republish(database: Database) -> list[str]:
    """Speak the full state of every municipality again; hearers that know it already change nothing."""
    async with database.flowing() as connection:
        codes = [municipality.code for municipality in await store.read_directory(connection)]
    for code in codes:
        async with database.tenant(code) as connection:
            await store.lock_municipality(connection, code)
            stored = await store.read_state(connection, code)
            if stored:
                await publish(connection, stored[1].as_event(stored[0]))
    return codes


async def put_person(
    database: Database,
    passwords: Passwords,
    *,
    municipality: str,
    login: str,
    display_name: str,
    password: str,
    roles: Iterable[Role],
    departments: Iterable[str] = (),
    is_active: bool = True,
    person_id: UUID | None = None,
) -> UUID:
    """Make a person, or change the one with this login; returns the id, which never changes.

    Idempotent. Any change ends the person's sessions. Raises `Malformed` or `UnknownMunicipality`.
    """
    login = fold_login(login)
    wanted_departments = frozenset(departments)
    async with database.tenant(municipality) as connection:
        await store.lock_municipality(connection, municipality)
        faults = [*_person_faults(login, display_name, password)]
        faults += await _department_faults(connection, municipality, wanted_departments)
        if faults:
            raise Malformed("The person is not added.", errors=faults)
        known = await store.read_account(connection, login)
        keeps = known is not None and await passwords.is_right(password, known.password_hash)
        account = Account(
            id=known.id if known else person_id or uuid4(),
            login=login,
            display_name=display_name,
            password_hash=known.password_hash if known and keeps else await passwords.hash(password),
            roles=frozenset(role.value for role in roles),
            departments=wanted_departments,
            is_active=is_active,
        )
        if account != known:
            await store.write_account(connection, municipality, account)
            await store.delete_sessions_of(connection, account.id)
    return account.id


def fold_login(login: str) -> str:
    """A login as it is stored: without spaces around it, in lower case."""
    return login.strip().lower()


def _person_faults(login: str, display_name: str, password: str) -> Iterable[FieldError]:
    if not 1 <= len(login) <= 200:
        yield FieldError("/login", "length", "De inlognaam heeft 1 tot 200 tekens.", "1 to 200 characters.")
    if not login.isprintable():
        yield FieldError(
            "/login",
            "characters",
            "De inlognaam heeft alleen tekens die te lezen zijn.",
            "The login has printable characters only.",
        )
    if not 1 <= len(display_name) <= 200:
        yield FieldError("/displayName", "length", "De naam heeft 1 tot 200 tekens.", "1 to 200 characters.")
    if not SHORTEST <= len(password) <= LONGEST:
        yield FieldError(
            "/password",
            "length",
            f"Het wachtwoord heeft {SHORTEST} tot {LONGEST} tekens.",
            f"The password has {SHORTEST} to {LONGEST} characters.",
        )


async def _department_faults(
    connection: AsyncConnection, municipality: str, departments: frozenset[str]
) -> list[FieldError]:
    stored = await store.read_state(connection, municipality)
    if stored is None:
        raise UnknownMunicipality(f"Configure the municipality '{municipality}' first.")
    unknown = departments - {department.code for department in stored[1].departments}
    return [
        FieldError(
            "/departments",
            "unknown-department",
            f"De afdeling {code} bestaat niet.",
            f"There is no department {code}.",
        )
        for code in sorted(unknown)
    ]


async def put_vault(
    database: Database,
    *,
    municipality: str,
    person_id: UUID,
    public_key: str,
    wrapped_private_key: WrappedPrivateKey,
    group_wraps: Sequence[GroupWrap],
) -> None:
    """Make this the whole vault of a person: keys that only their passphrase opens. Idempotent."""
    vault = Vault(public_key, wrapped_private_key, tuple(group_wraps))
    async with database.tenant(municipality) as connection:
        await store.write_vault(connection, municipality, person_id, vault)


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
    replaces: bool = True,
) -> str:
    """Make the API key of this name, or replace it; returns the key, of which only a hash is kept.

    A key reports or downloads figures; every other role is a person's (`Malformed`).
    Idempotent with a given `key` (`vk_` and at least 32 characters), else every call makes a new one.
    With `replaces` false, a name that lives is `KeyNameTaken`: nobody's key stops by a slip.
    """
    key = key or new_api_key()
    if not key.startswith(API_KEY_PREFIX) or len(key) < len(API_KEY_PREFIX) + 32:
        raise ValueError("an API key is 'vk_' and at least 32 random characters")
    wanted_departments = frozenset(departments)
    wanted_roles = frozenset(roles)
    async with database.tenant(municipality) as connection:
        faults = await _department_faults(connection, municipality, wanted_departments)
        faults += [*_key_faults(name, wanted_roles, bounds)]
        if faults:
            raise Malformed("The key is not added.", errors=faults)
        if not replaces:
            await _require_free(connection, municipality, name)
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
        await store.write_api_key(connection, granted, hash_of(key), purpose)
    return key


async def _require_free(connection: AsyncConnection, municipality: str, name: str) -> None:
    await store.lock_municipality(connection, municipality)
    now = datetime.now(UTC)
    if any(
        each.key.name == name and each.key.is_alive(now) for each in await store.read_api_keys(connection)
    ):
        raise KeyNameTaken("Revoke the key of this name first, or choose another name.")


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


async def list_api_keys(database: Database, municipality: str) -> list[ListedKey]:
    """Every key that was made for a municipality, alive or not, by name; never the key itself."""
    async with database.tenant(municipality) as connection:
        return await store.read_api_keys(connection)


async def revoke_api_key(database: Database, municipality: str, name: str, now: datetime) -> bytes:
    """Let a key be of no more use; returns its hash. Idempotent. Raises `UnknownKey`."""
    key_hash = None
    if _KEY_NAME.fullmatch(name):  # no other was ever made
        async with database.tenant(municipality) as connection:
            key_hash = await store.revoke_api_key(connection, name, now)
    if key_hash is None:
        raise UnknownKey("This municipality has no API key of that name.")
    return key_hash


def new_api_key() -> str:
    """A fresh key of 256 random bits."""
    return API_KEY_PREFIX + secrets.token_urlsafe(32)


def hash_of(token: str) -> bytes:
    """What is kept of a session token or API key; both are random enough to need no salt."""
    return hashlib.sha256(token.encode()).digest()


async def sign_in(
    database: Database,
    passwords: Passwords,
    *,
    municipality: str,
    login: str,
    password: str,
    now: datetime,
    absolute_seconds: int,
    networks: Path = (),
    is_known: bool = False,
) -> tuple[str, Session]:
    """A new session and its token; raises `WrongSignIn`, in equal time for every reason.

    `networks`, from wide to narrow, are those of who asks. `is_known` says that the browser has a lane of its
    own for this login.
    """
    login = fold_login(login)
    account = None
    if login.isprintable():  # whoever was added has such a login, and the database holds no other
        async with database.tenant(municipality) as connection:
            account = await store.read_account(connection, login)
    usable = account if account and account.is_active else None
    fits = len(password) <= LONGEST
    is_right = await passwords.is_right(
        password if fits else "",
        usable.password_hash if usable and fits else None,
        (municipality, *networks),
        is_known=is_known,
    )
    if usable is None or not is_right:
        raise WrongSignIn("Check the login and the password, and try again.")
    renewed = await passwords.hash(password) if passwords.is_outdated(usable.password_hash) else None
    token = secrets.token_urlsafe(32)
    async with database.tenant(municipality) as connection:
        if renewed:
            await store.write_password_hash(connection, usable.id, renewed)
        times = store.SessionTimes(now, now + timedelta(seconds=absolute_seconds))
        await store.insert_session(connection, municipality, usable.id, hash_of(token), times)
    async with database.flowing() as connection:
        session = await store.read_session(connection, hash_of(token))
    if session is None:
        raise WrongSignIn("The account was closed a moment ago.")
    return token, session


async def open_vault(database: Database, municipality: str, person_id: UUID, now: datetime) -> Vault | None:
    """A person's own vault, after it is written down that they fetched it; None when none was made yet."""
    async with database.tenant(municipality) as connection:
        vault = await store.read_vault(connection, person_id)
        if vault:
            key_ids = [wrap.key_id for wrap in vault.groups]
            await store.insert_vault_opening(connection, municipality, person_id, key_ids, now)
    return vault
