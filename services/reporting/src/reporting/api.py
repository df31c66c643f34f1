"""The paths of reporting: statistics and the CSV."""

from typing import Annotated, Any

from common.auth import IdentityVerifier
from common.db import Database
from common.web import Caller, create_app
from fastapi import FastAPI, Query, Request
from fastapi.responses import StreamingResponse

from reporting import actions
from reporting.copying import Exports
from reporting.filters import PARAMETERS
from reporting.statistics import Statistics

EXPORT_PATH = "/api/v1/exports/reports.csv"

Month = Annotated[str | None, Query(description="A month as YYYY-MM, included.")]


def create_reporting_app(database: Database, exports: Exports, verifier: IdentityVerifier) -> FastAPI:
    """The API of reporting; everything it needs is passed in."""
    app = create_app("Vermoeden reporting", verifier)

    @app.get("/api/v1/statistics")
    async def statistics(
        caller: Caller,
        from_month: Annotated[Month, Query(alias="from")] = None,
        to_month: Annotated[Month, Query(alias="to")] = None,
    ) -> Statistics:
        """Per month received, taken and closed; totals and lead times per signal type."""
        return await actions.show_statistics(database, caller, from_month, to_month)

    @app.get(EXPORT_PATH, response_class=StreamingResponse, openapi_extra=_export_description())
    async def export_reports(request: Request, caller: Caller) -> StreamingResponse:
        """The reports as CSV, streamed: codes, names and days; no text and no restricted types."""
        download = await actions.start_export(
            database,
            exports,
            caller,
            request.query_params.multi_items(),
            request.headers.get("purpose"),
        )
        return StreamingResponse(
            download.chunks,
            media_type="text/csv",  # starlette adds the charset
            headers={"Content-Disposition": f'attachment; filename="{download.file_name}"'},
        )

    return app


def _export_description() -> dict[str, Any]:
    parameters = [
        {
            "name": name,
            "in": "query",
            "required": False,
            "description": description,
            "schema": _schema(values, repeated=repeated),
        }
        for name, (description, values, repeated) in PARAMETERS.items()
    ]
    content = {"text/csv": {"schema": {"type": "string"}}}
    return {
        "parameters": parameters,
        "responses": {"200": {"description": "CSV (RFC 4180), UTF-8.", "content": content}},
    }


def _schema(values: tuple[str, ...], *, repeated: bool) -> dict[str, Any]:
    one: dict[str, Any] = {"type": "string", **({"enum": list(values)} if values else {})}
    return {"type": "array", "items": one} if repeated else one
