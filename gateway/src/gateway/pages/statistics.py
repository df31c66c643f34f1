"""The figures: per month and per signal type, and the way to the CSV."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime
from typing import Any
from urllib.parse import urlencode

from common.contracts.codes import Role
from common.errors import NotAllowed, Unavailable
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute

from gateway.front import Visitor
from gateway.pages.site import Site
from gateway.rendering import BarChart, Field, Option, Problem, Series, bar_chart, share_bars
from gateway.rendering.pages import ZONE

_READERS = (Role.HANDLER, Role.PROCESS_MANAGER, Role.ADMINISTRATOR)
_STATUSES = (
    "new",
    "assessing",
    "in-progress",
    "waiting-for-reporter",
    "waiting-for-partner",
    "closed",
    "reopened",
)
_MONTHS_OFFERED = 60
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
        if status == 403:
            raise NotAllowed("You may not see the figures.")
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
        shown = [_first_day(month["month"]) for month in months[-12:]]
        for day, month in zip(shown, months[-12:], strict=True):
            label = str(self._site.text(request, f"statistics.month.m{day.month}"))
            numbers = [month[name] for name in names.values()]
            rows.append((label, str(day.year) if _names_year(day, shown) else "", numbers))
        return bar_chart(series, rows)

    def _period(self, request: Request, told: Mapping[str, Any]) -> tuple[Field, ...]:
        language, today = self._site.language(request), datetime.now(ZONE).date()
        recent = {_month_before(today, count) for count in range(_MONTHS_OFFERED)}
        options = tuple(
            Option(month, self._site.renderer.month(language, _first_day(month)))
            for month in sorted(recent | {told["from"], told["to"]}, reverse=True)
        )
        return tuple(
            Field(
                name,
                str(self._site.text(request, f"statistics.{name}")),
                "select",
                value=told[name],
                options=options,
                is_filter=True,
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


def _month_before(day: date, months: int) -> str:
    number = day.year * 12 + day.month - 1 - months
    return f"{number // 12:04}-{number % 12 + 1:02}"


def _names_year(day: date, shown: Sequence[date]) -> bool:
    """Whether the year stands below this month: at each January, and at the first if none is near it."""
    return day.month == 1 or (day == shown[0] and not any(each.month == 1 for each in shown[1:4]))


def _first_day(month: str) -> date:
    return date.fromisoformat(f"{month}-01")
