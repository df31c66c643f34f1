"""The rule of each municipality about who may report, held at every door."""

import asyncio
import secrets
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from uuid import UUID, uuid4

from common.auth import Identity
from common.db import Database, count_alone
from common.errors import AppError, FieldError, NotAllowed, NotFound
from common.messaging.broker import keep_trying
from common.pauses import pause
from common.receipt import hash_of_key

from intake import store
from intake.actions import Municipalities
from intake.domain.admission import Invitation, Need, hash_of_code, need_of, new_code
from intake.store import invitations

HEADER = "Invitation-Code"
_MOST_IN_FORCE = 200
_MOST_SHOWN = 500
_JITTER = secrets.SystemRandom()


class SignInNeeded(NotAllowed):
    """This municipality takes reports from people who signed in."""

    code = "sign-in-needed"
    title = "Sign in to report here"


class InvitationNeeded(NotAllowed):
    """This municipality takes reports by invitation."""

    code = "invitation-needed"
    title = "A code is needed to report here"


class InvitationRefused(NotAllowed):
    """The code is unknown, expired, revoked or used up; which of these is not told."""

    code = "invitation-refused"
    title = "This code does not work, or no longer"


class TooManyInvitations(AppError):
    """There are so many codes in force that one more would only hide a leaked one."""

    code = "too-many-invitations"
    title = "There are too many codes in force"


class Admission:
    """Who may report; and the codes by which a municipality invites."""

    def __init__(
        self,
        database: Database,
        municipalities: Municipalities,
        *,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
        new_id: Callable[[], UUID] = uuid4,
        random_bytes: Callable[[int], bytes] = secrets.token_bytes,
    ) -> None:
        self._database = database
        self._municipalities = municipalities
        self._clock = clock
        self._new_id = new_id
        self._random_bytes = random_bytes

    def need(self, caller: Identity) -> Need | None:
        """What this caller must bring to report; None when nothing."""
        state, _ = self._municipalities.get(caller.municipality)
        return need_of(state.who_may_report.value, professional=caller.is_professional)

    async def lacks(self, caller: Identity, code: str | None) -> Need | None:
        """What this caller still lacks, with this code or without; `InvitationRefused` for a wrong code."""
        need = self.need(caller)
        if need is not Need.INVITATION or not code:
            return need
        await self.require(caller, code)
        return None

    async def require(self, caller: Identity, code: str | None) -> None:
        """Let in who may report, and count nothing.

        Raises `SignInNeeded`, `InvitationNeeded`, `InvitationRefused`.
        """
        need = self.need(caller)
        if need is None:
            return
        wanted = _wanted(need, caller.municipality, code)
        async with self._database.tenant(caller.municipality) as connection:
            found = await invitations.find(connection, wanted)
        if found is None or not found.is_valid(self._clock()):
            raise _refused()

    @asynccontextmanager
    async def counted(self, caller: Identity, code: str | None, key: bytes) -> AsyncIterator[None]:
        """Let a report in and count its code's use; one that is refused after all counts not.

        A repeat of a stored report needs its code no more. Raises what `require` does.
        """
        need = self.need(caller)
        if need is None or await self._is_known(caller.municipality, key):
            yield
            return
        wanted = _wanted(need, caller.municipality, code)
        # Just before the report: their rows tell that they belong together, until `Uncoupling` comes by.
        async with self._database.tenant(caller.municipality) as connection:
            used = await invitations.use(connection, wanted, self._clock())
        if used is None:
            raise _refused()
        try:
            yield
        except BaseException:
            async with self._database.tenant(caller.municipality) as connection:
                await invitations.give_back(connection, used)
            raise

    async def invite(
        self, town: str, person: UUID, name: str, max_uses: int, expires_at: datetime
    ) -> tuple[Invitation, str]:
        """A new invitation and its code, which is told this once. Raises `TooManyInvitations`."""
        now, code = self._clock(), new_code(self._random_bytes)
        code_hash = hash_of_code(town, code)
        assert code_hash is not None  # noqa: S101 -- it was made a line above
        made = Invitation(self._new_id(), name, max_uses, 0, 0, expires_at, person, now, None)
        async with self._database.tenant(town) as connection:
            await count_alone(connection, f"invitations of {town}")
            if await invitations.count_in_force(connection, now) >= _MOST_IN_FORCE:
                raise TooManyInvitations(f"Revoke one first; {_MOST_IN_FORCE} may be in force at once.")
            await invitations.insert(connection, town, code_hash, made)
        return made, code

    async def invited(self, town: str) -> list[Invitation]:
        """The newest invitations, used or not."""
        async with self._database.tenant(town) as connection:
            return await invitations.newest(connection, _MOST_SHOWN)

    async def revoke(self, town: str, person: UUID, invitation: UUID) -> None:
        """Let a code be worth nothing from now on. Idempotent. Raises `NotFound`."""
        async with self._database.tenant(town) as connection:
            if not await invitations.revoke(connection, invitation, person, self._clock()):
                raise NotFound("There is no such invitation here.")

    async def uncouple(self) -> bool:
        """Let no row of an invitation tell which report came with it; False when it could not be done now."""
        async with self._database.flowing() as connection:
            return await invitations.rewrite(connection)

    async def _is_known(self, town: str, key: bytes) -> bool:
        async with self._database.flowing() as connection:
            return bool(await store.body_macs(connection, [(town, hash_of_key(key))]))


class Uncoupling:
    """Uncouples invitations from reports in the background, whether one was used or not."""

    name = "invitations"
    trouble = None
    is_background = True  # reports are taken in without it

    def __init__(self, admission: Admission, *, seconds: float) -> None:
        self._admission = admission
        self._seconds = seconds

    async def run(self, stopping: asyncio.Event) -> None:
        """Do it every so many seconds, half as many more or less; an outage is waited out."""
        await keep_trying(lambda: self._work(stopping), stopping, what=self.name)

    async def _work(self, stopping: asyncio.Event) -> None:
        while not stopping.is_set():
            await pause(stopping, self._seconds * _JITTER.uniform(0.5, 1.5))
            await self._admission.uncouple()


def _wanted(need: Need, town: str, code: str | None) -> bytes:
    if need is Need.SIGN_IN:
        told = FieldError(
            "",
            "sign-in-needed",
            "Deze gemeente neemt meldingen aan van mensen die zijn ingelogd. Log in, of bel de gemeente.",
            "This municipality takes reports from people who signed in. Sign in, or call the municipality.",
        )
        raise SignInNeeded("Sign in, or use an API key that reports.", errors=[told])
    if not code:
        field = FieldError(
            f"header:{HEADER}",
            "missing",
            "Stuur de code mee die u van de gemeente kreeg, of log in.",
            "Send the code that the municipality gave you, or sign in.",
        )
        raise InvitationNeeded("This municipality takes reports by invitation.", errors=[field])
    wanted = hash_of_code(town, code)
    if wanted is None:
        raise _refused()
    return wanted


def _refused() -> InvitationRefused:
    field = FieldError(
        f"header:{HEADER}",
        "refused",
        "Deze code werkt niet of niet meer. Kijk haar na, of vraag de gemeente om een nieuwe.",
        "This code does not work, or no longer. Check it, or ask the municipality for a new one.",
    )
    return InvitationRefused("Check the code, or ask the municipality for a new one.", errors=[field])
