"""Who is at work, what stops them, and the report that they have in hand."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from common.auth import Identity
from common.coarse import CoarseTime, coarse_now
from common.contracts.casework import NoticeDue, ReportStatusChanged
from common.contracts.codes import FeedbackKey, KeyGroup, Role, Status
from common.db import Database
from common.errors import AppError, FieldError, NotFound, NotSignedIn
from sqlalchemy import RowMapping
from sqlalchemy.ext.asyncio import AsyncConnection

from casework.domain import rights
from casework.store import changes, reports
from casework.store.reports import Sight


class AlreadyTaken(AppError):
    """Another handler has this report."""

    code = "already-taken"
    title = "A colleague took this report"


class StaleVersion(AppError):
    """The report changed since the caller read it."""

    code = "stale-version"
    title = "The report has changed; read it again"


class NotPermitted(AppError):
    """This move is not in the transition table."""

    code = "not-permitted"
    title = "The report cannot go there from where it stands"


class NotYours(AppError):
    """Who decides on a report must have taken it."""

    code = "not-yours"
    title = "Take the report first"


class SecondPerson(AppError):
    """What was closed before is not erased by one person alone."""

    code = "second-person"
    title = "The process manager erases what was closed before, and not who reopened it"


class AlreadyThere(AppError):
    """An id that the caller made is in use for something else."""

    code = "already-there"
    title = "This id is in use"


@dataclass(frozen=True)
class Worker:
    """A handler or process manager at work, and what they may see."""

    identity: Identity
    person: UUID
    sight: Sight

    @property
    def municipality(self) -> str:
        """Whose reports these are."""
        return self.identity.municipality

    @property
    def manages(self) -> bool:
        """May decide on reports that others took."""
        return Role.PROCESS_MANAGER in self.identity.roles

    def decides_on(self, report: RowMapping) -> bool:
        """Whether what becomes of this report is theirs to say."""
        return rights.decides(self.person, report["taken_by"], manages=self.manages)

    def may_take(self, report: RowMapping) -> bool:
        """Whether this report can become theirs."""
        return rights.may_take(self.person, report["taken_by"], manages=self.manages)


def require_staff(identity: Identity) -> None:
    """Refuse who works on no reports at all."""
    identity.require(Role.HANDLER, Role.PROCESS_MANAGER, Role.ADMINISTRATOR, Role.PRIVACY_OFFICER)


def worker_of(identity: Identity) -> Worker:
    """The caller as a worker; refuses other roles and keys."""
    identity.require(Role.HANDLER, Role.PROCESS_MANAGER)
    if identity.person is None:
        raise NotSignedIn("Reports are for people who signed in, not for API keys.")
    sight = Sight(
        person=identity.person,
        departments=tuple(sorted(identity.departments)),
        sees_all=Role.PROCESS_MANAGER in identity.roles,
        sees_restricted=KeyGroup.RESTRICTED in identity.key_groups,
    )
    return Worker(identity, identity.person, sight)


def require_version(report: RowMapping, version: int) -> None:
    """Raise `StaleVersion` unless the report still has this version."""
    if version != report["version"]:
        raise StaleVersion(
            f"The report has version {report['version']} now.",
            errors=[
                FieldError(
                    "/version",
                    "stale-version",
                    "De melding is intussen veranderd. Lees haar opnieuw.",
                    "The report has changed meanwhile. Read it again.",
                )
            ],
        )


@dataclass(frozen=True)
class InHand:
    """A report that is locked for as long as the transaction lasts."""

    connection: AsyncConnection
    worker: Worker
    report: RowMapping
    at: CoarseTime = field(default_factory=coarse_now)  # of everything that is done in it

    @property
    def id(self) -> UUID:
        """The report's id."""
        found: UUID = self.report["id"]
        return found

    @property
    def next_version(self) -> int:
        """The version that it has after the one change that an action makes."""
        return int(self.report["version"]) + 1

    def require_version(self, version: int) -> None:
        """Refuse a change by who read an older report."""
        require_version(self.report, version)

    def require_mine(self) -> None:
        """Refuse who did not take the report, the process manager apart."""
        if not self.worker.decides_on(self.report):
            raise NotYours("Only who took the report, or the process manager, decides on it.")

    async def require_second_person(self) -> None:
        """Refuse to erase what was closed before at the word of one person."""
        reopened_by = await reports.read_reopeners(self.connection, self.id)
        if not rights.may_erase(self.worker.person, reopened_by, manages=self.worker.manages):
            raise SecondPerson(
                "The report was closed before; a process manager who did not reopen it erases it."
            )

    async def has_key(self) -> bool:
        """Whether what was reported is sealed to a key that this person holds now."""
        groups = self.worker.identity.key_groups
        return await reports.has_wrap(self.connection, self.id, groups)

    async def change(self, what: str, changed: Mapping[str, Any], **detail: Any) -> None:  # noqa: ANN401
        """Change the report and write the line of history; `detail` holds codes and ids only."""
        if not await changes.change_report(self.connection, self.id, self.report["version"], changed):
            raise StaleVersion
        await changes.note_history(
            self.connection,
            self.worker.municipality,
            self.id,
            self.next_version,
            self.worker.person,
            self.at,
            what,
            **detail,
        )

    async def again(self) -> RowMapping:
        """The report as it is after the change."""
        found = await reports.read_report(self.connection, self.worker.sight, self.id)
        if found is None:
            raise NotFound
        return found

    def notice(self, feedback: FeedbackKey) -> NoticeDue:
        """What the reporter hears of the change."""
        return NoticeDue(
            municipality=self.worker.municipality,
            reporter_handle=self.report["reporter_handle"],
            feedback=feedback,
            version=self.next_version,
            due_at=self.at,
        )

    def moved(self, status: str) -> ReportStatusChanged:
        """What the others hear of the change."""
        return ReportStatusChanged(
            municipality=self.worker.municipality,
            report_id=self.id,
            version=self.next_version,
            status=Status(status),
            changed_at=self.at,
        )


@asynccontextmanager
async def working(database: Database, worker: Worker, report_id: UUID) -> AsyncIterator[InHand]:
    """A transaction with this report locked; `NotFound` when it is not there or not theirs to see."""
    async with database.tenant(worker.municipality) as connection:
        report = await reports.read_report(connection, worker.sight, report_id, lock=True)
        if report is None:
            raise NotFound("There is no such report among those that you may see.")
        yield InHand(connection, worker, report)


def now_utc() -> datetime:
    """This moment, to compare with; what is kept of it is coarse."""
    return datetime.now(UTC)
