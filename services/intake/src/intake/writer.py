"""The group commit: reports that wait together are written in one transaction, and answered after it."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import Enum
from uuid import UUID

from common import metrics
from common.coarse import CoarseTime
from common.contracts.base import Event
from common.db import Database, is_away
from common.errors import AppError, Unavailable
from common.log import get_logger
from common.messaging import publish_at
from common.sharing import NothingLeft, Share
from sqlalchemy.ext.asyncio import AsyncConnection

from intake import store
from intake.store import attachments
from intake.store.attachments import ReportClaim

log = get_logger()


class AttachmentTaken(AppError):
    """A file belongs to another report already, or was swept a moment ago."""

    code = "attachment-taken"
    title = "This file belongs to another report"
    fix = (
        "Een bestand hoort al bij een andere melding, of is gewist. Stuur het opnieuw voor deze melding.",
        "A file belongs to another report, or was erased. Send it again for this report.",
    )


class Written(Enum):
    """What became of a submission."""

    NEW = "new"
    REPEATED = "repeated"  # same key, same body
    CONTRADICTED = "contradicted"  # same key, another body


@dataclass(frozen=True)
class Entry:
    """A submission with the facts that leave with it, and who waits for the outcome."""

    submission: store.Submission
    events: tuple[Event, ...]
    outcome: "asyncio.Future[Written]" = field(compare=False)
    claims: tuple[ReportClaim, ...] = ()  # the files that go with it


class Writer:
    """A bounded queue in front of the database; several writers empty it in batches."""

    name = "writer"

    def __init__(self, database: Database, *, queue_size: int, batch: int, count: int) -> None:
        self._database = database
        self._queue: asyncio.Queue[Entry] = asyncio.Queue()
        self._places = Share(queue_size)
        self._batch = batch
        self._count = count
        self._is_closed = False

    @property
    def trouble(self) -> str | None:
        """Why this part is not ready, or None."""
        return "the queue is full" if self._places.is_full else None

    async def write(
        self, submission: store.Submission, events: Sequence[Event], claims: Sequence[ReportClaim] = ()
    ) -> Written:
        """Durable when this returns; `Unavailable` when the queue is full or shut, or the database away.

        A municipality has as many places in the queue as it leaves free for the others.
        `AttachmentTaken` when a file was claimed or swept meanwhile; then nothing is stored.
        """
        if self._is_closed:
            raise Unavailable("This process is stopping; send the report again.")
        outcome: asyncio.Future[Written] = asyncio.get_running_loop().create_future()
        entry = Entry(submission, tuple(events), outcome, tuple(claims))
        try:
            self._places.take((submission.municipality,))
        except NothingLeft as error:
            raise Unavailable("Too many reports at this moment; send it again shortly.") from error
        self._queue.put_nowait(entry)
        metrics.WRITER_QUEUE.set(self._queue.qsize())
        return await entry.outcome

    async def received_at(self, municipality: str, key_hash: bytes) -> CoarseTime | None:
        """When a report with this idempotency key was stored; None when none was."""
        async with self._database.flowing() as connection:
            return await store.received_at(connection, municipality, key_hash)

    async def run(self, stopping: asyncio.Event) -> None:
        """Write until told to stop, and then what still waits."""
        writers = [asyncio.create_task(self._work()) for _ in range(self._count)]
        await stopping.wait()
        await self._queue.join()
        self._is_closed = True
        await self._queue.join()  # what came in the turn of the loop before that
        for writer in writers:
            writer.cancel()
        await asyncio.gather(*writers, return_exceptions=True)

    async def _work(self) -> None:
        while True:
            entries = [await self._queue.get()]
            while len(entries) < self._batch and not self._queue.empty():
                entries.append(self._queue.get_nowait())
            for entry in entries:
                self._places.give_back((entry.submission.municipality,))
            try:
                await self._write_or_split(entries)
            finally:
                for _ in entries:
                    self._queue.task_done()

    async def _write_or_split(self, entries: Sequence[Entry]) -> None:
        """A failing batch is tried one by one, so that one bad entry fails alone."""
        try:
            await self._write(entries)
        except Exception as error:  # noqa: BLE001 -- handed to whoever waits for the outcome
            if is_away(error):
                log.warning("writer.database_away", count=len(entries), error=type(error).__name__)
                _fail(entries, Unavailable("The report could not be stored now; send it again."))
            elif len(entries) == 1:
                _fail(entries, error)
            else:
                for entry in entries:
                    await self._write_or_split([entry])

    async def _write(self, entries: Sequence[Entry]) -> None:
        if any(entry.claims for entry in entries):
            new = await self._write_with_files(entries)
        else:
            told = [(entry.submission, entry.events) for entry in entries]
            new = await store.insert_with_facts(self._database, told)
        repeats = [entry for entry in entries if entry.submission.report_id not in new]
        for entry in entries:
            if entry.submission.report_id in new:
                _settle(entry, Written.NEW)
        if repeats:
            await self._tell_repeats(repeats)

    async def _write_with_files(self, entries: Sequence[Entry]) -> frozenset[UUID]:
        async with self._database.flowing() as connection:
            new = await store.insert_submissions(connection, [entry.submission for entry in entries])
            fresh = [entry for entry in entries if entry.submission.report_id in new]
            await _claim_files(connection, fresh)
            facts = [(event, entry.submission.received_at) for entry in fresh for event in entry.events]
            await publish_at(connection, *facts)
        return new

    async def _tell_repeats(self, repeats: Sequence[Entry]) -> None:
        """Their key came before: whoever wrote it has committed, for the insert waited for that."""
        async with self._database.flowing() as connection:
            macs = await store.body_macs(connection, [_key(entry) for entry in repeats])
        for entry in repeats:
            same = macs.get(_key(entry)) == entry.submission.body_mac
            _settle(entry, Written.REPEATED if same else Written.CONTRADICTED)


async def _claim_files(connection: AsyncConnection, fresh: Sequence[Entry]) -> None:
    """Give each report its files, all or none of this transaction."""
    claims = [claim for entry in fresh for claim in entry.claims]
    if not claims:
        return
    given = await attachments.claim(connection, claims)
    if any((each.municipality, each.id, each.report_id) not in given for each in claims):
        raise AttachmentTaken("Send the file again for this report.")


def _key(entry: Entry) -> tuple[str, bytes]:
    return entry.submission.municipality, entry.submission.key_hash


def _settle(entry: Entry, outcome: Written) -> None:
    if not entry.outcome.done():
        entry.outcome.set_result(outcome)


def _fail(entries: Sequence[Entry], error: Exception) -> None:
    for entry in entries:
        if not entry.outcome.done():
            entry.outcome.set_exception(error)
