"""Makes the casework process from its settings."""

from common.auth import IdentityVerifier
from common.db import Database
from common.house import build_house
from common.runtime import serve as serve_process
from common.settings import ServiceSettings
from common.web import create_app
from fastapi import FastAPI

from casework.api import router
from casework.consumers import HANDLERS
from casework.settings import CaseworkSettings


def build_app(settings: CaseworkSettings, database: Database) -> FastAPI:
    """The HTTP face of casework."""
    app = create_app("Vermoeden casework", IdentityVerifier("casework", settings.identity_keys))
    app.state.database = database
    app.include_router(router)
    return app


async def serve(settings: ServiceSettings) -> None:
    """Run the process until it is told to stop."""
    assert isinstance(settings, CaseworkSettings)  # noqa: S101 -- `__main__` passes casework's own settings
    house = build_house("casework", settings, HANDLERS)
    await serve_process(build_app(settings, house.database), settings, house.parts, on_stop=house.close)
