"""Signing in."""

import hashlib
import secrets
from datetime import datetime, timedelta

from common.db import Database
from common.errors import AppError
from common.sharing import Path

from gateway import store
from gateway.actions.people import fold_login
from gateway.domain.people import Session
from gateway.passwords import LONGEST, Passwords
from gateway.store import Account

_LOOKS = 3  # each after a change of the account while its password was checked


class WrongSignIn(AppError):
    """Login and password do not belong together; which of the two is wrong is not told."""

    status = 401
    code = "wrong-login-or-password"
    title = "This login and password do not belong together"
    fix = (
        "Deze inlognaam en dit wachtwoord horen niet bij elkaar. Kijk ze na en probeer het opnieuw.",
        "This login and password do not belong together. Check them and try again.",
    )


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
    own for this login. An account that was changed after its password was checked is checked anew: no session
    rests on a password that does not count any more, and none is written back.
    """
    login, times = fold_login(login), store.SessionTimes(now, now + timedelta(seconds=absolute_seconds))
    for _ in range(_LOOKS):
        account = await _account_of(database, municipality, login)
        fits = len(password) <= LONGEST
        is_right = await passwords.is_right(
            password if fits else "",
            account.password_hash if account and fits else None,
            (municipality, *networks),
            is_known=is_known,
        )
        if account is None or not is_right:
            raise WrongSignIn("Check the login and the password, and try again.")
        renewed = await passwords.hash(password) if passwords.is_outdated(account.password_hash) else None
        token = secrets.token_urlsafe(32)
        if await _let_in(database, municipality, account, renewed, hash_of(token), times):
            return token, await _session_of(database, token)
    raise _overtaken()


async def _account_of(database: Database, municipality: str, login: str) -> Account | None:
    """The account that may sign in by this login."""
    if not login.isprintable():  # nobody was added with such a login, and the database holds none
        return None
    async with database.tenant(municipality) as connection:
        account = await store.read_account(connection, login)
    return account if account and account.is_active else None


async def _let_in(
    database: Database,
    municipality: str,
    checked: Account,
    renewed: str | None,
    token_hash: bytes,
    times: store.SessionTimes,
) -> bool:
    """Write the session, and the hash that was made anew, if the account is as it was checked."""
    async with database.tenant(municipality) as connection:
        held = await store.hold_account(connection, checked.login)
        if held is None or not held.is_active or held.password_hash != checked.password_hash:
            return False
        if renewed:
            await store.write_password_hash(connection, held.id, renewed)
        await store.insert_session(connection, municipality, held.id, token_hash, times)
    return True


async def _session_of(database: Database, token: str) -> Session:
    async with database.flowing() as connection:
        session = await store.read_session(connection, hash_of(token))
    if session is None:
        raise _overtaken()
    return session


def _overtaken() -> WrongSignIn:
    return WrongSignIn("The account was changed a moment ago; try again.")


def hash_of(token: str) -> bytes:
    """What is kept of a session token or API key; both are random enough to need no salt."""
    return hashlib.sha256(token.encode()).digest()
