"""Wires intake together and runs it."""

import asyncio

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

from intake import store
from intake.actions import Intake, Municipalities
from intake.api import router
from intake.consumers import handlers
from intake.seed import load_seed
from intake.settings import IntakeSettings
from intake.writer import Writer

log = get_logger()

_REFRESH_SECONDS = 1.0


class Refresher:
    """Keeps the municipalities in memory as fresh as the database, which any replica may have updated."""

    name = "municipalities"

    def __init__(self, database: Database, municipalities: Municipalities) -> None:
        self._database = database
        self._municipalities = municipalities
        self._has_read = False

    @property
    def trouble(self) -> str | None:
        """Why this part is not ready, or None."""
        return None if self._has_read else "the municipalities were not read yet"

    async def refresh(self) -> None:
        """Read them now."""
        async with self._database.flowing() as connection:
            self._municipalities.replace(await store.municipalities(connection))
        self._has_read = True

    async def run(self, stopping: asyncio.Event) -> None:
        """Read them again each second until told to stop; an outage leaves the last known state."""
        await keep_trying(lambda: self._keep_fresh(stopping), stopping, what=self.name)

    async def _keep_fresh(self, stopping: asyncio.Event) -> None:
        while not stopping.is_set():
            await self.refresh()
            await asyncio.sleep(_REFRESH_SECONDS)


def build_app(settings: IntakeSettings, intake: Intake) -> FastAPI:
    """The HTTP face of intake."""
    app = create_app("Vermoeden intake", IdentityVerifier("intake", settings.identity_keys))
    app.state.intake = intake
    app.include_router(router)
    return app


async def serve(settings: ServiceSettings) -> None:
    """Run the process until it is told to stop."""
    assert isinstance(settings, IntakeSettings)  # noqa: S101 -- `__main__` passes intake's own settings
    forms = load_seed()
    house = build_house("intake", settings, handlers(forms))
    writer = Writer(
        house.database,
        queue_size=settings.writer_queue_size,
        batch=settings.writer_batch,
        count=settings.writer_count,
    )
    municipalities = Municipalities()
    refresher = Refresher(house.database, municipalities)
    intake = Intake(writer, municipalities, forms, decode(settings.notifier_public_key))
    try:
        await refresher.refresh()
    except Exception as error:
        if not is_away(error):
            raise
        log.warning("municipalities.not_read", error=type(error).__name__)
    parts = (*house.parts, writer, refresher)
    await serve_process(build_app(settings, intake), settings, parts, on_stop=house.close)
