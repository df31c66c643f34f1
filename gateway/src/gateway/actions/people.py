"""People: admitted, changed, and let go."""

from collections.abc import Iterable
from uuid import UUID, uuid4

from common.contracts.codes import Role
from common.db import Database
from common.errors import FieldError, Malformed

from gateway import store
from gateway.actions.municipalities import department_faults
from gateway.passwords import LONGEST, SHORTEST, Passwords
from gateway.store import Account


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

    Idempotent. Any change ends the person's sessions, those of sign-ins that are under way too: they are
    checked anew. Raises `Malformed` or `UnknownMunicipality`.
    """
    login = fold_login(login)
    wanted_departments = frozenset(departments)
    async with database.tenant(municipality) as connection:
        await store.lock_municipality(connection, municipality)
        faults = [*_person_faults(login, display_name, password)]
        faults += await department_faults(connection, municipality, wanted_departments)
        if faults:
            raise Malformed("The person is not added.", errors=faults)
        known = await store.hold_account(connection, login)
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
