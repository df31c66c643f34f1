"""Taking, moving, closing and reopening."""

from uuid import UUID

from common.contracts.casework import ReportClosed, ReportReopened, ReportTaken
from common.contracts.codes import FeedbackKey, Result
from common.db import Database
from common.errors import FieldError, Malformed
from common.messaging import publish
from common.sealing import SealedContent
from sqlalchemy import RowMapping

from casework import domain
from casework.actions.base import AlreadyTaken, InHand, NotPermitted, Worker, working
from casework.actions.erasing import erase_incorrect
from casework.actions.speaking import keep_note
from casework.store import reports


async def take_report(database: Database, worker: Worker, report_id: UUID, version: int) -> RowMapping:
    """Take a report: one of two at once wins, the other gets `AlreadyTaken`. Taking twice is once.

    The process manager takes over what a colleague has; the reporter is not told a second time.
    """
    async with working(database, worker, report_id) as held:
        report = held.report
        if report["taken_by"] == worker.person:
            return report
        was_free = report["taken_by"] is None
        if not worker.may_take(report) or not (was_free or version == report["version"]):
            raise AlreadyTaken("A colleague took this report a moment ago. Choose another one.")
        held.require_version(version)
        if report["status"] == domain.CLOSED:
            raise NotPermitted("The report is closed; reopen it first.")
        status = domain.status_after_taking(report["status"])
        changed = {"taken_by": worker.person, "taken_at": held.at, "status": status}
        await held.change("taken", changed, status=status)
        taken = ReportTaken(
            municipality=worker.municipality,
            report_id=report_id,
            version=held.next_version,
            department=report["department"] or "unrouted",
            taken_at=held.at,
        )
        told = (held.notice(FeedbackKey.TAKEN),) if was_free else ()
        await publish(held.connection, taken, held.moved(status), *told)
        return await held.again()


async def move_report(
    database: Database, worker: Worker, report_id: UUID, version: int, status: str
) -> RowMapping:
    """Move a report along the transition table."""
    async with working(database, worker, report_id) as held:
        held.require_version(version)
        held.require_mine()
        permitted = domain.TRANSITIONS[held.report["status"]]
        if status not in permitted:
            listed = ", ".join(permitted) or "nowhere by this door"
            raise NotPermitted(f"From {held.report['status']} a report can go to: {listed}.")
        await held.change("status-changed", {"status": status}, status=status)
        await publish(held.connection, held.moved(status))
        return await held.again()


async def close_report(
    database: Database,
    worker: Worker,
    report_id: UUID,
    version: int,
    result: Result,
    *,
    duplicate_of: UUID | None = None,
    note: tuple[UUID, SealedContent] | None = None,
) -> RowMapping | None:
    """Close a report with a result; None when the result erases it everywhere."""
    if result is Result.INCORRECT:
        await erase_incorrect(database, worker, report_id, version)
        return None
    async with working(database, worker, report_id) as held:
        held.require_version(version)
        held.require_mine()
        if not domain.may_close(held.report["status"]):
            raise NotPermitted(f"A report that is {held.report['status']} cannot be closed; take it first.")
        await _check_duplicate(held, result, duplicate_of)
        changed = {
            "status": domain.CLOSED,
            "closed_at": held.at,
            "result": result.value,
            "duplicate_of": duplicate_of,
        }
        await held.change("closed", changed, result=result.value)
        if note:
            await keep_note(held, *note)
        closed = ReportClosed(
            municipality=worker.municipality,
            report_id=report_id,
            version=held.next_version,
            result=result,
            closed_at=held.at,
        )
        feedback = FeedbackKey(domain.feedback_of(result.value))
        await publish(held.connection, closed, held.notice(feedback))
        return await held.again()


async def reopen_report(database: Database, worker: Worker, report_id: UUID, version: int) -> RowMapping:
    """Open a closed report again, free for whoever takes it; who had it does, or the process manager."""
    async with working(database, worker, report_id) as held:
        held.require_version(version)
        held.require_mine()
        if held.report["status"] != domain.CLOSED:
            raise NotPermitted("Only a closed report can be reopened.")
        freed = dict.fromkeys(("taken_by", "taken_at", "closed_at", "result", "duplicate_of"))
        await held.change("reopened", {**freed, "status": domain.REOPENED})
        reopened = ReportReopened(
            municipality=worker.municipality,
            report_id=report_id,
            version=held.next_version,
            reopened_at=held.at,
        )
        await publish(held.connection, reopened, held.notice(FeedbackKey.REOPENED))
        return await held.again()


async def _check_duplicate(held: InHand, result: Result, duplicate_of: UUID | None) -> None:
    if (result is Result.DUPLICATE) != (duplicate_of is not None):
        raise Malformed(
            "A duplicate names the report that it repeats; another result names none.",
            errors=[
                FieldError(
                    "/duplicateOf",
                    "duplicate-of",
                    "Noem de melding waarvan deze een dubbele is, en alleen dan.",
                    "Name the report that this one repeats, and only then.",
                )
            ],
        )
    if duplicate_of is None:
        return
    other = await reports.read_report(held.connection, held.worker.sight, duplicate_of)
    if other is None or duplicate_of == held.id:
        raise Malformed(
            "The other report is not among those that you may see.",
            errors=[
                FieldError(
                    "/duplicateOf",
                    "unknown-report",
                    "Noem een andere melding die u mag zien.",
                    "Name another report that you may see.",
                )
            ],
        )
