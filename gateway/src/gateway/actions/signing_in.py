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


def hash_of(token: str) -> bytes:
    """What is kept of a session token or API key; both are random enough to need no salt."""
    return hashlib.sha256(token.encode()).digest()
