"""Makes the notifier process from its settings."""

import secrets

from common.auth import IdentityVerifier
from common.db import Database
from common.house import build_house
from common.runtime import serve as serve_process
from common.settings import ServiceSettings
from common.web import create_app
from fastapi import FastAPI

from notifier import domain
from notifier.api import router
from notifier.consumers import Draw, handlers
from notifier.delivery.post import Post
from notifier.settings import NotifierSettings


def build_app(settings: NotifierSettings, database: Database) -> FastAPI:
    """The HTTP face of the notifier."""
    app = create_app("Vermoeden notifier", IdentityVerifier("notifier", settings.identity_keys))
    app.state.database = database
    app.include_router(router)
    return app


def draw_of(settings: NotifierSettings) -> Draw:
    """When mails leave: drawn so that nobody can guess it, or at once for who tries the platform out."""
    if settings.mails_at_once:
        return lambda: None
    least, most = domain.SETTLE_SECONDS, domain.ROUND_SECONDS
    return lambda: least + secrets.randbelow(most - least)


async def serve(settings: ServiceSettings) -> None:
    """Run the process until it is told to stop."""
    assert isinstance(settings, NotifierSettings)  # noqa: S101 -- `__main__` passes the notifier's own settings
    house = build_house("notifier", settings, handlers(draw_of(settings)))
    parts = (*house.parts, Post(house.database, settings))
    await serve_process(build_app(settings, house.database), settings, parts, on_stop=house.close)
