"""Files of reports: taken in, cleaned, sealed and kept; claimed by one report, or swept."""

import asyncio
import hashlib
import hmac
import secrets
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID, uuid4

from common import metrics
from common.apart.starting import NoWalls
from common.chunks import new_content_key, sealing
from common.coarse import coarse
from common.contracts.intake import SealedAttachment
from common.db import AWAY_KINDS, Database
from common.errors import FieldError, Malformed, NotFound, TooMuch, Unavailable
from common.log import get_logger
from common.messaging.broker import keep_trying
from common.pauses import pause
from common.rooms import Account, Room, Stay
from common.sealing import Context, Recipient, Wrap, encode, seal
from common.sharing import NothingLeft
from sqlalchemy.ext.asyncio import AsyncConnection

from intake.files.blobs import Blobs, BlobsAway, NoSuchBlob
from intake.files.claims import Claim, FileLimits, check_claims
from intake.files.kinds import Declared, FileKind, NotTaken, recognise
from intake.files.refusals import FileRefused, FileTooLarge
from intake.files.scanner import Clamd, ScannerAway
from intake.files.spool import Spool, spooling, sweep_spools
from intake.files.workshop import Workshop, WorkshopBusy
from intake.store import attachments as store
from intake.writer import AttachmentTaken

log = get_logger()

COMPARTMENT = "attachment"
_SWEEP_BATCH = 50
_KEEP_UNCLAIMED = timedelta(hours=24)


class NoPlace(Unavailable):
    """Files cannot be taken in now; reports can."""

    code = "files-unavailable"
    title = "Files cannot be taken in right now"
    fix = (
        "Bestanden kunnen nu even niet mee. Meld zonder bestand, of probeer het later opnieuw.",
        "Files cannot be taken in for a moment. Report without a file, or try again later.",
    )


@dataclass(frozen=True)
class Rules:
    """What holds for uploads in this process."""

    at_once: int = 16  # cleaned and kept, or waiting for that
    arriving_at_once: int = 64  # read; who is slow gives way
    body_seconds: float = 300
    unclaimed_per_municipality: int = 500


@dataclass
class Upload:
    """A file at the door. `declared` may become known while the body is read."""

    body: AsyncIterator[bytes]
    length_bytes: int | None = None  # as the sender says
    declared: Declared = field(default_factory=Declared)
    is_professional: bool = False  # sent by who signed in, or has a key that reports
    mark: str = ""  # what tells who is known from others; of others a mark of their network


@dataclass(frozen=True)
class Taken:
    """What the sender needs to let a report claim the file. The claim is a secret."""

    id: UUID
    claim: str
    media_type: str
    size_bytes: int


class Attachments:
    """The front of this room. No file is ever whole in memory, nor on disk in clear."""

    def __init__(
        self,
        database: Database,
        blobs: Blobs,
        workshop: Workshop,
        spool_folder: Path,
        *,
        workshop_of_known: Workshop | None = None,
        rules: Rules | None = None,
        scanner: Clamd | None = None,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._database = database
        self._blobs = blobs
        self._workshop = workshop
        self._workshop_of_known = workshop_of_known or workshop
        self._spool_folder = spool_folder
        self._rules = rules or Rules()
        self._scanner = scanner
        self._clock = clock
        self._arriving = Room("files-arriving", self._rules.arriving_at_once)
        self._places = Room("files-kept", self._rules.at_once)

    async def take(
        self, municipality: str, upload: Upload, limits: FileLimits, recipient: Callable[[], Recipient]
    ) -> Taken:
        """Keep one file, clean and sealed; durable when this returns.

        `recipient` is asked when the body was read, for it may say what the file is for. Raises
        `FileRefused`, `FileTooLarge`, `Malformed`, `TooMuch`, or `NoPlace` when nothing was kept.
        """
        account = _account(municipality, upload)
        try:
            await self._require_room(municipality, upload)
            async with spooling(self._spool_folder) as spool:
                async with self._place(self._arriving, account) as stay:
                    await self._receive(upload, spool, limits, stay)
                async with self._place(self._places, account) as stay:
                    stay.settle()
                    return await self._keep(municipality, upload, spool, limits, recipient())
        except (BlobsAway, ScannerAway, WorkshopBusy, NoWalls, OSError) as error:
            log.warning("file.not_kept", error=type(error).__name__, cause=str(error))
            raise NoPlace("The file could not be kept now; send it again, or report without it.") from error

    @asynccontextmanager
    async def _place(self, room: Room, account: Account) -> AsyncIterator[Stay]:
        """One of the places for files, of which no municipality holds all; waits for one for a moment.

        Where a file is read it is given up by who sends slowly; where it is cleaned the whole file is here.
        """
        with room.stay(account) as stay:
            try:
                await stay.take()
            except NothingLeft as error:
                raise NoPlace("Too many files come in at this moment; send it again shortly.") from error
            yield stay

    async def _require_room(self, municipality: str, upload: Upload) -> None:
        """Whatever anonymous files wait, as much room again is left for files of who is known."""
        most = self._rules.unclaimed_per_municipality * (2 if upload.is_professional else 1)
        async with self._database.flowing() as connection:
            waiting = await store.count_unclaimed(connection, municipality, most)
        if waiting >= most:
            raise TooMuch(
                "Too many files wait for their report here; try again later, or report without a file.",
                headers={"Retry-After": "600"},
            )

    async def _receive(self, upload: Upload, spool: Spool, limits: FileLimits, stay: Stay) -> None:
        """Read the body to its end, also of a file that is too large: a sender mid-way hears no answer."""
        limit = limits.largest_bytes
        is_too_large = upload.length_bytes is not None and upload.length_bytes > limit + _ENVELOPE_BYTES
        try:
            async with asyncio.timeout(self._rules.body_seconds) as until:
                stay.waits(until)
                async for piece in upload.body:
                    stay.came(len(piece))
                    is_too_large = is_too_large or spool.size_bytes + len(piece) > limit
                    if not is_too_large:
                        await spool.write(piece)
            stay.settle()
        except TimeoutError as error:
            raise Malformed("The file did not come in time.") from error
        finally:
            stay.waits(None)
        if is_too_large:
            raise FileTooLarge(limit)
        await spool.close()

    async def _keep(
        self, municipality: str, upload: Upload, spool: Spool, limits: FileLimits, recipient: Recipient
    ) -> Taken:
        try:
            kind = recognise(spool.head, spool.tail, upload.declared)
        except NotTaken as error:
            raise _refused(error.reason) from error
        most_bytes = limits.bytes_of(is_photo=kind.is_photo)
        if spool.size_bytes > most_bytes:
            raise FileTooLarge(most_bytes)
        if self._scanner is not None and not await self._scanner.is_clean(spool.read()):
            raise _refused("malware")
        workshop = self._workshop_of_known if upload.is_professional else self._workshop
        account = _account(municipality, upload)
        cleaned = workshop.cleaned(kind, spool.read(), most_bytes=most_bytes, account=account)
        try:
            return await self._seal(municipality, kind, cleaned, recipient)
        except FileRefused as error:
            metrics.FILES.labels(error.reason).inc()
            raise

    async def _seal(
        self,
        municipality: str,
        kind: FileKind,
        cleaned: AbstractAsyncContextManager[AsyncIterator[bytes]],
        recipient: Recipient,
    ) -> Taken:
        """Keep what is clean; of a file that is refused to its last piece, nothing stays."""
        own_id, claim = uuid4(), secrets.token_urlsafe(24)
        arriving = store.Arriving(
            municipality=municipality,
            id=own_id,
            blob=secrets.token_hex(16),
            claim_hash=hash_of_claim(claim),
            key_group=recipient.group,
            media_type=kind.value,
            created_at=coarse(self._clock()),
        )
        key, counted = new_content_key(), _Counted()
        wraps = (_wrapped(key, recipient, municipality, own_id),)
        is_noted = False
        try:
            async with cleaned as clean:
                async with self._database.flowing() as connection:
                    await store.add_arriving(connection, arriving)
                is_noted = True
                bound_to = Context(municipality, COMPARTMENT, str(own_id))
                await self._blobs.put(arriving.blob, sealing(counted.through(clean), key, bound_to))
            await self._mark_ready(arriving, counted.size_bytes, wraps)
        except Exception:
            if is_noted:
                await self._drop(arriving)
            raise
        metrics.FILES.labels("taken").inc()
        return Taken(own_id, claim, kind.value, counted.size_bytes)

    async def _mark_ready(self, arriving: store.Arriving, size_bytes: int, wraps: Sequence[Wrap]) -> None:
        async with self._database.flowing() as connection:
            own = arriving.municipality, arriving.id
            if not await store.mark_ready(connection, *own, size_bytes, wraps):
                raise NoPlace("The file took too long to arrive; send it again.")

    async def _drop(self, arriving: store.Arriving) -> None:
        """Delete a file that is not kept, blob first; what cannot be deleted now is swept."""
        try:
            await self._blobs.delete(arriving.blob)
            async with self._database.flowing() as connection:
                await store.forget_arriving(connection, arriving.municipality, arriving.id)
        except _LEFT_TO_SWEEP as error:
            log.warning("file.left_to_sweep", error=type(error).__name__)

    async def claimable(
        self, municipality: str, claims: Sequence[Claim], group: str, limits: FileLimits, key_hash: bytes
    ) -> tuple[SealedAttachment, ...]:
        """The files to which these claims give a right; `Malformed` with every fault, or `AttachmentTaken`.

        Whether they are still free is decided when the report is written.
        """
        if not claims:
            return ()
        async with self._database.tenant(municipality) as connection:
            kept = await store.read(connection, municipality, [each.id for each in claims])
        faults = check_claims(
            claims,
            limits,
            {own_id: each.key_group for own_id, each in kept.items() if _is_claim(each, claims)},
            group,
        )
        if faults:
            fields = [FieldError(each.pointer, each.code, each.dutch, each.english) for each in faults]
            raise Malformed("Some files cannot go with this report.", errors=fields)
        if any(each.state == "claimed" and each.claimed_by != key_hash for each in kept.values()):
            raise AttachmentTaken("Send the file again for this report.")
        return tuple(
            SealedAttachment(
                id=each.id, media_type=each.media_type, size_bytes=each.size_bytes, wraps=each.wraps
            )
            for each in (kept[claim.id] for claim in claims)
        )

    async def ciphertext(
        self, municipality: str, own_id: UUID, groups: frozenset[str]
    ) -> tuple[int, AsyncIterator[bytes]]:
        """The sealed bytes of a file that belongs to a report, and their length; `NotFound` otherwise."""
        async with self._database.tenant(municipality) as connection:
            found = (await store.read(connection, municipality, [own_id])).get(own_id)
        if found is None or found.state != "claimed" or found.key_group not in groups:
            raise NotFound("There is no such file among those that you may open.")
        try:
            return await self._blobs.open(found.blob)
        except NoSuchBlob as error:
            raise NotFound("There is no such file any more.") from error
        except BlobsAway as error:
            raise NoPlace("Files cannot be read now.") from error

    async def erase(self, connection: AsyncConnection, municipality: str, report_id: UUID) -> None:
        """Delete a report's files, blobs first; raises `BlobsAway`, and then nothing is confirmed."""
        for blob in await store.blobs_of_report(connection, municipality, report_id):
            await self._blobs.delete(blob)
        await store.forget_report(connection, municipality, report_id)

    async def sweep(self) -> int:
        """Delete what no report claimed in 24 hours, and what was left half-sent; says how many files."""
        before = coarse(self._clock() - _KEEP_UNCLAIMED)
        async with self._database.flowing() as connection:
            leaving = await store.take_leaving(connection, before, _SWEEP_BATCH)
        for _, _, blob in leaving:
            await self._blobs.delete(blob)
        if leaving:
            async with self._database.flowing() as connection:
                await store.forget_left(connection, leaving)
            metrics.FILES.labels("swept").inc(len(leaving))
        await asyncio.to_thread(sweep_spools, self._spool_folder, _KEEP_UNCLAIMED.total_seconds())
        return len(leaving)


class Sweeper:
    """Sweeps in the background; replicas share the work."""

    name = "files"
    is_background = True  # reports are taken in without it

    def __init__(self, attachments: Attachments, *, seconds: float) -> None:
        self._attachments = attachments
        self._seconds = seconds
        self.trouble: str | None = None

    async def run(self, stopping: asyncio.Event) -> None:
        """Sweep every few minutes until told to stop; an outage is waited out and told."""
        await keep_trying(lambda: self._work(stopping), stopping, what=self.name)

    async def _work(self, stopping: asyncio.Event) -> None:
        while not stopping.is_set():
            try:
                swept = await self._attachments.sweep()
            except (BlobsAway, OSError):
                self.trouble = "the files cannot be reached"
                raise
            self.trouble = None
            if swept:
                log.info("files.swept", count=swept)
                continue
            await pause(stopping, self._seconds)


class _Counted:
    """Counts what passes."""

    size_bytes = 0

    async def through(self, pieces: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
        async for piece in pieces:
            self.size_bytes += len(piece)
            yield piece


_LEFT_TO_SWEEP: tuple[type[Exception], ...] = (BlobsAway, *AWAY_KINDS)
_ENVELOPE_BYTES = 16 * 1024  # what a form may add around a file


def _account(municipality: str, upload: Upload) -> Account:
    """Who is unknown is counted by network too, who is known by person or key."""
    within = (upload.mark,) if upload.mark else ()
    return Account(municipality, within, is_known=upload.is_professional)


def hash_of_claim(claim: str) -> bytes:
    """What is kept of a claim."""
    return hashlib.sha256(b"vermoeden/claim/v1" + claim.encode()).digest()


def _is_claim(kept: store.Kept, claims: Sequence[Claim]) -> bool:
    given = next(each.claim for each in claims if each.id == kept.id)
    return kept.state in {"ready", "claimed"} and hmac.compare_digest(kept.claim_hash, hash_of_claim(given))


def _wrapped(key: bytes, recipient: Recipient, municipality: str, own_id: UUID) -> Wrap:
    bound_to = Context(municipality, COMPARTMENT, str(own_id), recipient.key_id)
    return Wrap(
        group=recipient.group,
        key_id=recipient.key_id,
        wrapped_key=encode(seal(key, recipient.public_key, bound_to)),
    )


def _refused(reason: str) -> FileRefused:
    metrics.FILES.labels(reason).inc()
    return FileRefused(reason)


def no_signal_type() -> Malformed:
    """Nobody said for which kind of report a file is."""
    field = FieldError(
        "/signalType",
        "unknown-signal-type",
        "Zeg bij welk soort melding dit bestand hoort, in de kop Signal-Type.",
        "Say for which kind of report this file is, in the header Signal-Type.",
    )
    return Malformed("The signal type of the file is missing or unknown.", errors=[field])
