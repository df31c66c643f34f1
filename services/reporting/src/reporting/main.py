"""Makes the reporting process from its settings."""

from common.auth import IdentityVerifier
from common.house import build_house
from common.runtime import serve
from common.settings import ServiceSettings

from reporting.api import create_reporting_app
from reporting.consumers import HANDLERS
from reporting.copying import Exports
from reporting.settings import ReportingSettings


async def serve_reporting(settings: ServiceSettings) -> None:
    """Serve until told to stop."""
    chosen = settings if isinstance(settings, ReportingSettings) else ReportingSettings.from_environment()
    house = build_house("reporting", chosen, HANDLERS)
    exports = Exports(
        chosen.database_web_url.get_secret_value(),
        connections=chosen.export_connections,
        seconds=chosen.export_seconds,
        tls=chosen.tls,
    )
    app = create_reporting_app(house.database, exports, IdentityVerifier("reporting", chosen.identity_keys))

    async def close() -> None:
        await exports.close()
        await house.close()

    await serve(app, chosen, house.parts, on_stop=close)
