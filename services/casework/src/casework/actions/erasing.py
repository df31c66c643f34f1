"""Erasing: a report goes everywhere, and nothing late brings it back."""

from uuid import UUID

from common.auth import Identity
from common.coarse import coarse_now
from common.contracts.casework import ReportErased
from common.contracts.codes import ErasureGround, Role
from common.db import Database
from common.errors import NotFound, NotSignedIn
from common.messaging import forget_subject, publish
from sqlalchemy import RowMapping
from sqlalchemy.ext.asyncio import AsyncConnection

from casework import domain
from casework.actions.base import NotPermitted, Worker, require_version, working
from casework.store import incoming, reports


async def erase_report(
    database: Database,
    identity: Identity,
    report_id: UUID,
    version: int,
    reason: str,
    ground: ErasureGround,
) -> RowMapping:
    """Erase a report at the privacy officer's word; erasing twice is once. Returns the certificate."""
    identity.require(Role.PRIVACY_OFFICER)
    if identity.person is None:
        raise NotSignedIn("Erasing is for people who signed in, not for API keys.")
    async with database.tenant(identity.municipality) as connection:
        known = await reports.read_erasure(connection, report_id)
    if known is not None:
        return known
    async with database.flowing() as connection:
        report = await incoming.lock_for_erasure(connection, identity.municipality, report_id)
        if report is None:
            raise NotFound("There is no such report.")
        require_version(report, version)
        await _erase(connection, identity.municipality, report, reason, ground, identity.person)
    return await show_erasure(database, identity, report_id)


async def erase_incorrect(database: Database, worker: Worker, report_id: UUID, version: int) -> None:
    """Close as found incorrect: who took it, or the process manager, erases it everywhere.

    Raises `SecondPerson` for what was closed before, unless a process manager says so who did not reopen it.
    """
    async with working(database, worker, report_id) as held:
        held.require_version(version)
        held.require_mine()
        if not domain.may_close(held.report["status"]):
            raise NotPermitted(f"A report that is {held.report['status']} cannot be closed; take it first.")
        await held.require_second_person()
    async with database.flowing() as connection:
        report = await incoming.lock_for_erasure(connection, worker.municipality, report_id)
        if report is None:
            return
        require_version(report, version)
        await _erase(
            connection,
            worker.municipality,
            report,
            "found-incorrect",
            ErasureGround.INCORRECT,
            worker.person,
        )


async def show_erasure(database: Database, identity: Identity, report_id: UUID) -> RowMapping:
    """The certificate of an erasure, with what each service confirmed."""
    identity.require(Role.PRIVACY_OFFICER, Role.PROCESS_MANAGER)
    async with database.tenant(identity.municipality) as connection:
        found = await reports.read_erasure(connection, report_id)
    if found is None:
        raise NotFound("No erasure of this report is known.")
    return found


async def _erase(
    connection: AsyncConnection,
    municipality: str,
    report: RowMapping,
    reason: str,
    ground: ErasureGround,
    by_person: UUID,
) -> None:
    event = ReportErased(
        municipality=municipality,
        report_id=report["id"],
        reporter_handle=report["reporter_handle"],
        reason=reason,
        ground=ground,
        erased_at=coarse_now(),
    )
    offers = await incoming.offers_of(connection, municipality, event.report_id)
    await incoming.erase(connection, event, by_person)
    in_flight = (event.report_id, event.reporter_handle, *offers)
    await forget_subject(connection, municipality, *map(str, in_flight))
    await publish(connection, event)
