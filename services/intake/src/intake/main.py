"""Wires intake together and runs it."""

import asyncio
from contextlib import suppress

from common.apart.starting import Watch
from common.auth import IdentityVerifier
from common.db import Database, is_away
from common.house import build_house
from common.log import get_logger
from common.messaging.broker import keep_trying
from common.runtime import serve as serve_process
from common.sealing import decode
from common.settings import ServiceSettings
from common.web import create_app
from fastapi import FastAPI

from intake import anonymiser, store
from intake.actions import Intake, Municipalities
from intake.admission import Admission, Uncoupling
from intake.api import UPLOAD_PATH, checks, editing, forms, invitations, previews, repeats, reports, uploads
from intake.attachments import Attachments, Rules, Sweeper
from intake.consumers import handlers
from intake.editing import Editing
from intake.files.blobs import FolderBlobs
from intake.files.claims import FileLimits
from intake.files.scanner import Clamd
from intake.files.workshop import Bounds, Workshop
from intake.hiding import Hiding
from intake.offered import Offers
from intake.seed import load_seed
from intake.settings import IntakeSettings
from intake.signers import Signers
from intake.writer import Writer

log = get_logger()

_REFRESH_SECONDS = 1.0
_KEPT, _ARRIVING = "kept", "arriving"
MAX_FILE_BYTES = 101 * 1024 * 1024  # of any municipality, with the form around it


class Refresher:
    """Keeps the municipalities in memory as fresh as the database, which any replica may have updated."""

    name = "municipalities"

    def __init__(self, database: Database, municipalities: Municipalities, offers: Offers) -> None:
        self._database = database
        self._offers = offers
        self._municipalities = municipalities
        self._versions: frozenset[tuple[str, int, int, str]] | None = None

    @property
    def trouble(self) -> str | None:
        """Why this part is not ready, or None."""
        return "the municipalities were not read yet" if self._versions is None else None

    async def refresh(self) -> None:
        """Read them now, where anything changed."""
        async with self._database.flowing() as connection:
            versions = await store.versions(connection)  # first: a change in between is read the next time
            if versions != self._versions:
                self._municipalities.replace(await self._offers.read(connection))
                self._versions = versions

    async def run(self, stopping: asyncio.Event) -> None:
        """Read them again each second until told to stop; an outage leaves the last known state."""
        await keep_trying(lambda: self._keep_fresh(stopping), stopping, what=self.name)

    async def _keep_fresh(self, stopping: asyncio.Event) -> None:
        while not stopping.is_set():
            await self._offers.adopt(self._database)
            await self.refresh()
            await asyncio.sleep(_REFRESH_SECONDS)


def build_app(settings: IntakeSettings, intake: Intake, editor: Editing, admission: Admission) -> FastAPI:
    """The HTTP face of intake."""
    verifier = IdentityVerifier("intake", settings.identity_keys)
    app = create_app("Vermoeden intake", verifier, large_bodies={UPLOAD_PATH: MAX_FILE_BYTES})
    app.state.intake = intake
    app.state.editing = editor
    app.state.admission = admission
    for each in (reports, checks, forms, editing, invitations, uploads, previews, repeats):
        app.include_router(each)
    return app


def build_attachments(settings: IntakeSettings, database: Database) -> Attachments:
    """The room for files, on the folder of the settings; one that is away is told when a file comes."""
    bounds = Bounds(settings.files_worker_memory_mib, settings.files_worker_seconds)
    return Attachments(
        database,
        FolderBlobs(settings.files_folder / _KEPT),
        Workshop(settings.files_workers, bounds, needs_walls=settings.apart_needs_walls),
        settings.files_folder / _ARRIVING,
        workshop_of_known=Workshop(
            settings.files_workers_of_known, bounds, needs_walls=settings.apart_needs_walls
        ),
        rules=Rules(
            settings.files_at_once,
            settings.files_arriving_at_once,
            settings.files_body_seconds,
            settings.files_unclaimed_limit,
        ),
        scanner=_scanner(settings),
    )


def _scanner(settings: IntakeSettings) -> Clamd | None:
    address = settings.clamav_address
    if not address:
        return None
    context = settings.tls.client() if address.startswith("tls:") else None
    return Clamd(address, seconds=settings.clamav_seconds, context=context)


def make_folders(settings: IntakeSettings) -> None:
    """Make the folders for files where they are missing; one that cannot be made is told later."""
    for name in (_KEPT, _ARRIVING):
        with suppress(OSError):
            (settings.files_folder / name).mkdir(mode=0o700, parents=True, exist_ok=True)


def file_limits_of(settings: IntakeSettings) -> FileLimits:
    """What the installation takes where a municipality says nothing."""
    mib = 1024 * 1024
    return FileLimits(
        settings.files_max_count, settings.files_max_photo_mib * mib, settings.files_max_pdf_mib * mib
    )


async def serve(settings: ServiceSettings) -> None:
    """Run the process until it is told to stop."""
    assert isinstance(settings, IntakeSettings)  # noqa: S101 -- `__main__` passes intake's own settings
    seed = load_seed()
    await asyncio.to_thread(anonymiser.load)
    database = Database.from_settings(settings)
    make_folders(settings)
    attachments = build_attachments(settings, database)
    signers = Signers(settings.own_key, settings.signers)
    house = build_house("intake", settings, handlers(seed, attachments, signers), database=database)
    writer = Writer(
        house.database,
        queue_size=settings.writer_queue_size,
        batch=settings.writer_batch,
        count=settings.writer_count,
    )
    municipalities = Municipalities()
    refresher = Refresher(house.database, municipalities, Offers(seed, signers))
    intake = Intake(
        writer,
        municipalities,
        decode(settings.notifier_public_key),
        settings.own_key,
        attachments,
        hiding=Hiding(),
        file_limits=file_limits_of(settings),
    )
    admission = Admission(house.database, municipalities)
    editor = Editing(house.database, municipalities, seed, refresh=refresher.refresh)
    try:
        await refresher.refresh()
    except Exception as error:
        if not is_away(error):
            raise
        log.warning("municipalities.not_read", error=type(error).__name__)
    sweeper = Sweeper(attachments, seconds=settings.files_sweep_seconds)
    watch = Watch(needs_walls=settings.apart_needs_walls)
    uncoupling = Uncoupling(admission, seconds=settings.invitations_rewrite_seconds)
    parts = (*house.parts, writer, refresher, sweeper, uncoupling, watch)
    await serve_process(build_app(settings, intake, editor, admission), settings, parts, on_stop=house.close)
