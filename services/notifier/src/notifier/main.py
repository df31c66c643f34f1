"""Makes the notifier process from its settings."""

from common.auth import IdentityVerifier
from common.db import Database
from common.house import build_house
from common.runtime import serve as serve_process
from common.settings import ServiceSettings
from common.web import create_app
from fastapi import FastAPI

from notifier.api import router
from notifier.consumers import handlers
from notifier.delivery.post import Post
from notifier.settings import NotifierSettings


def build_app(settings: NotifierSettings, database: Database) -> FastAPI:
    """The HTTP face of the notifier."""
    app = create_app("Vermoeden notifier", IdentityVerifier("notifier", settings.identity_keys))
    app.state.database = database
    app.include_router(router)
    return app


async def serve(settings: ServiceSettings) -> None:
    """Run the process until it is told to stop."""
    assert isinstance(settings, NotifierSettings)  # noqa: S101 -- `__main__` passes the notifier's own settings
    house = build_house("notifier", settings, handlers(settings.department_delay_seconds))
    parts = (*house.parts, Post(house.database, settings))
    await serve_process(build_app(settings, house.database), settings, parts, on_stop=house.close)
