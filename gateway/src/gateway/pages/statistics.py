"""The figures: per month and per signal type, and the way to the CSV."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date
from typing import Any
from urllib.parse import urlencode

from common.contracts.codes import Role
from common.errors import Unavailable
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute

from gateway.front import Visitor
from gateway.pages.site import Site
from gateway.rendering import BarChart, Field, Option, Problem, Series, bar_chart, share_bars

_READERS = (Role.HANDLER, Role.PROCESS_MANAGER, Role.ADMINISTRATOR, Role.PRIVACY_OFFICER)
_STATUSES = (
    "new",
    "assessing",
    "in-progress",
    "waiting-for-reporter",
    "waiting-for-partner",
    "closed",
    "reopened",
)
EXPORT_PATH = "/api/v1/exports/reports.csv"


def routes(site: Site) -> Sequence[BaseRoute]:
    """The figures of the municipality."""
    return [site.route("statistics", get=_Statistics(site).show)]


class _Statistics:
    """The endpoint."""

    def __init__(self, site: Site) -> None:
        self._site = site

    async def show(self, request: Request, visitor: Visitor) -> Response:
        """A picture with its table, totals per signal type, and the CSV for who may have it."""
        self._site.require(visitor, *_READERS)
        chosen = {name: request.query_params.get(name, "")[:7] for name in ("from", "to")}
        wanted = urlencode({name: value for name, value in chosen.items() if value})
        status, told = await self._site.front.services.call(
            visitor.identity, "reporting", "GET", f"/api/v1/statistics?{wanted}"
        )
        problems: tuple[Problem, ...] = ()
        if status == 400:
            problems = (Problem(str(self._site.text(request, "statistics.wrong_months")), "field-from"),)
            status, told = await self._site.front.services.call(
                visitor.identity, "reporting", "GET", "/api/v1/statistics"
            )
        if status != 200:
            raise Unavailable("Reporting cannot answer now.")
        may_export = Role.PROCESS_MANAGER in visitor.identity.roles
        kinds = [kind["received"] for kind in told["signalTypes"]]
        return self._site.page(
            request,
            visitor,
            "statistics/show.html",
            status=400 if problems else 200,
            problems=problems,
            figures=told,
            months=[{**month, "day": _first_day(month["month"])} for month in told["months"]],
            chart=self._chart(request, told["months"]),
            bars=share_bars(kinds),
            period=self._period(request, told),
            export=self._export(request, visitor, told) if may_export else (),
            export_path=EXPORT_PATH,
        )

    def _chart(self, request: Request, months: Sequence[Mapping[str, Any]]) -> BarChart:
        names = {"one": "received", "two": "taken", "three": "closed"}
        series = [
            Series(key, str(self._site.text(request, f"statistics.{name}"))) for key, name in names.items()
        ]
        rows: list[tuple[str, str, list[int]]] = []
        for month in months[-12:]:
            day = _first_day(month["month"])
            label = str(self._site.text(request, f"statistics.month.m{day.month}"))
            numbers = [month[name] for name in names.values()]
            rows.append((label, str(day.year) if day.month == 1 or not rows else "", numbers))
        return bar_chart(series, rows)

    def _period(self, request: Request, told: Mapping[str, Any]) -> tuple[Field, ...]:
        return tuple(
            Field(
                name,
                str(self._site.text(request, f"statistics.{name}")),
                hint=str(self._site.text(request, "statistics.month_hint")) if name == "from" else None,
                value=told[name],
                is_filter=True,
                autocomplete="off",
            )
            for name in ("from", "to")
        )

    def _export(self, request: Request, visitor: Visitor, told: Mapping[str, Any]) -> tuple[Field, ...]:
        def text(key: str) -> str:
            return str(self._site.text(request, key))

        every = Option("", text("statistics.every"))
        kinds = tuple(Option(kind["code"], kind["name"]) for kind in told["signalTypes"])
        desks = tuple(Option(code, name) for code, name in visitor.municipality.departments.items())
        statuses = tuple(Option(code, text(f"codes.status.{code}")) for code in _STATUSES)
        separators = (
            Option("semicolon", text("statistics.excel")),
            Option("comma", text("statistics.comma")),
        )
        filters = (
            Field("from", text("statistics.csv_from"), "date"),
            Field("to", text("statistics.csv_to"), "date"),
            Field("signalType", text("statistics.signal_type"), "select", options=(every, *kinds)),
            Field("department", text("statistics.department"), "select", options=(every, *desks)),
            Field("status", text("statistics.status"), "select", options=(every, *statuses)),
            Field("separator", text("statistics.separator"), "select", options=separators, value="semicolon"),
        )
        return tuple(replace(each, is_filter=True) for each in filters)


def _first_day(month: str) -> date:
    return date.fromisoformat(f"{month}-01")
