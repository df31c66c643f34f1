"""The handler's pages: the work list, and one report with everything that can be done with it."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from common.contracts.codes import PersonalClass, Role
from common.errors import AppError, Malformed, NotAllowed, NotFound, Unavailable
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute

from gateway.front import Visitor
from gateway.pages.questions import Forms, FormsSource, Words
from gateway.pages.site import Site
from gateway.rendering import Event, Fact, Field, Option, Problem, Renderer

_WORKERS = (Role.HANDLER, Role.PROCESS_MANAGER)
_STATUSES = ("open", "new", "assessing", "in-progress", "waiting-for-reporter", "waiting-for-partner")
_SHOWN_STATUSES = (*_STATUSES, "reopened", "closed")
_URGENCIES = ("acuut", "hoog", "normaal", "laag")
_UNKNOWN = "weet-ik-niet"  # the answer of every form to a question that its reporter cannot answer
_FILTERS = ("status", "urgency", "department", "mine", "cursor")
_VERSION = re.compile("[0-9]{1,9}")
PURPOSES = ("assessment", "handling", "reply", "review", "quality")


def routes(site: Site) -> Sequence[BaseRoute]:
    """The work list and the page of one report."""
    rooms = _Work(site)
    return [
        site.route("work", get=rooms.list_reports),
        site.route("case", get=rooms.show_report, post=rooms.act),
    ]


class Refused(AppError):
    """Casework said no to an action; the page tells why."""

    def __init__(self, status: int, reason: str) -> None:
        super().__init__()
        self.status_code = status
        self.reason = reason  # the code that casework gave


class _Work:
    """The endpoints."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self._source = FormsSource(site.front.services)

    async def list_reports(self, request: Request, visitor: Visitor) -> Response:
        """The work list of the visitor's departments, by urgency and due time."""
        self._site.require(visitor, *_WORKERS)
        chosen = {name: request.query_params[name] for name in _FILTERS if request.query_params.get(name)}
        if not all(value.isprintable() for value in chosen.values()):
            raise Malformed("There is no such selection.")
        try:
            page = await self._ask(visitor, "GET", f"/api/v1/reports?{urlencode(chosen)}")
        except Refused as error:
            raise Malformed("There is no such selection.") from error
        following = urlencode({**chosen, "cursor": page["next"]}) if page["next"] else None
        return self._site.page(
            request,
            visitor,
            "work/list.html",
            reports=[_with_times(report) for report in page["reports"]],
            counts=page["counts"],
            next_href=f"?{following}" if following else None,
            is_first="cursor" not in chosen,
            filters=self._filters(request, visitor, chosen),
            mine=chosen.get("mine") == "true",
            departments=visitor.municipality.departments,
            neighbourhoods=visitor.municipality.neighbourhoods,
        )

    async def show_report(self, request: Request, visitor: Visitor) -> Response:
        """One report."""
        self._site.require(visitor, *_WORKERS)
        return await self._show(request, visitor, _report_id(request))

    async def act(self, request: Request, visitor: Visitor) -> Response:
        """Take, move, close or reopen by form, and show the report again; a refusal is told on the page."""
        self._site.require(visitor, *_WORKERS)
        form = await self._site.form(request)
        self._site.refuse_forgery(request, visitor, form)
        report_id = _report_id(request)
        values = {name: str(value) for name, value in form.items()}
        try:
            path, body = _action(values)
            await self._ask(visitor, "POST", f"/api/v1/reports/{report_id}/{path}", body)
        except Refused as error:
            return await self._show(request, visitor, report_id, refusal=error)
        if values.get("result") == "incorrect":
            return self._site.redirect(self._site.href(visitor, "work"))
        return self._site.redirect(self._site.href(visitor, "case", report_id=report_id))

    async def _show(
        self, request: Request, visitor: Visitor, report_id: UUID, *, refusal: Refused | None = None
    ) -> Response:
        report = await self._ask(visitor, "GET", f"/api/v1/reports/{report_id}")
        history = await self._ask(visitor, "GET", f"/api/v1/reports/{report_id}/history")
        results = await self._ask(visitor, "GET", "/api/v1/results")
        forms = await self._forms(visitor, report)
        answers, unknown = self._answers(request, report, forms)
        problems: tuple[Problem, ...] = ()
        if refusal is not None:
            problems = (Problem(str(self._site.text(request, _refusal_key(self._site, request, refusal)))),)
        return self._site.page(
            request,
            visitor,
            "work/case.html",
            status=refusal.status_code if refusal else 200,
            report=_with_times(report),
            signers=visitor.municipality.signers,
            intake_keys=self._site.front.settings.voucher_keys,
            facts=self._facts(request, visitor, report),
            answers=answers,
            unknown=unknown,
            history=self._history(request, visitor, history["history"]),
            results=_results_field(self._site, request, results["results"]),
            purposes=PURPOSES,
            classes=[each.value for each in PersonalClass],
            problems=problems,
            person=str(visitor.identity.person),
        )

    async def _ask(self, visitor: Visitor, method: str, path: str, body: object | None = None) -> Any:  # noqa: ANN401
        status, told = await self._site.front.services.call(visitor.identity, "casework", method, path, body)
        if status < 300:
            return told
        problem = told if isinstance(told, dict) else {}
        if status == 404:
            raise NotFound("There is no such report.")
        if status == 403:
            raise NotAllowed("You may not do this.")
        if status in {400, 409}:
            raise _refused(status, problem)
        raise Unavailable("Casework cannot answer now.")

    async def _forms(self, visitor: Visitor, report: Mapping[str, Any]) -> Forms | None:
        """The form that the reporter saw, also when it was changed since."""
        try:
            return await self._source.forms_then(
                visitor.identity, report["signalType"], report["formsVersion"]
            )
        except AppError:
            return None  # the page shows codes while intake is away

    def _filters(self, request: Request, visitor: Visitor, chosen: Mapping[str, str]) -> tuple[Field, ...]:
        def text(key: str) -> str:
            return str(self._site.text(request, key))

        status = tuple(
            Option(code, text("work.open" if code == "open" else f"codes.status.{code}"))
            for code in _SHOWN_STATUSES
        )
        every = (Option("", text("work.every")),)
        urgency = tuple(Option(code, text(f"codes.urgency.{code}")) for code in _URGENCIES)
        desks = tuple(
            Option(code, name)
            for code, name in visitor.municipality.departments.items()
            if Role.PROCESS_MANAGER in visitor.identity.roles or code in visitor.identity.departments
        )
        fields = [
            Field(
                "status", text("work.status"), "select", value=chosen.get("status", "open"), options=status
            ),
            Field(
                "urgency",
                text("work.urgency"),
                "select",
                value=chosen.get("urgency", ""),
                options=every + urgency,
            ),
        ]
        if len(desks) > 1:
            value = chosen.get("department", "")
            fields.append(
                Field("department", text("work.department"), "select", value=value, options=every + desks)
            )
        return tuple(replace(field, is_filter=True) for field in fields)

    def _facts(self, request: Request, visitor: Visitor, report: Mapping[str, Any]) -> tuple[Fact, ...]:
        renderer, language = self._site.renderer, self._site.language(request)
        words = Words(renderer.catalogues[language])
        desks, areas = visitor.municipality.departments, visitor.municipality.neighbourhoods
        taken = "work.nobody"
        if report["takenBy"]:
            taken = "work.you" if report["isMine"] else "work.colleague"
        values = (
            ("received", renderer.moment(language, _time(report["receivedAt"]))),
            *_elsewhere(renderer, language, report),
            ("due", renderer.moment(language, _time(report["dueAt"]))),
            ("department", desks.get(report["department"], report["department"] or "–")),
            ("taken_by", str(self._site.text(request, taken))),
            ("neighbourhood", areas.get(report["neighbourhood"], report["neighbourhood"] or "–")),
            ("channel", words.code("channel", report["channel"])),
            ("reporter", words.code("reporter", report["reporterKind"])),
            ("rule", report["rule"] or "–"),
        )
        return tuple(Fact(str(self._site.text(request, f"work.fact.{key}")), value) for key, value in values)

    def _answers(
        self, request: Request, report: Mapping[str, Any], forms: Forms | None
    ) -> tuple[tuple[Fact, ...], tuple[str, ...]]:
        """The answers as facts, and the questions to which the reporter had no answer."""
        words = Words(self._site.renderer.catalogues[self._site.language(request)])
        kind = forms.find(report["signalType"]) if forms else None
        general = forms.general_questions if forms else ()
        asked = {question.code: question for question in (*(kind.questions if kind else ()), *general)}
        labels = {code: question.label for code, question in asked.items()}
        facts, unknown = [], []
        for code, answer in report["choiceAnswers"].items():
            values = answer if isinstance(answer, list) else [answer]
            if values == [_UNKNOWN]:
                unknown.append(labels.get(code, code))
                continue
            own = asked[code].option_labels if code in asked else {}
            shown = ", ".join(own.get(value) or words.code("answer", value) for value in values)
            facts.append(Fact(labels.get(code, code), shown))
        return tuple(facts), tuple(unknown)

    def _history(
        self, request: Request, visitor: Visitor, lines: Sequence[Mapping[str, Any]]
    ) -> tuple[Event, ...]:
        def text(key: str) -> str:
            return str(self._site.text(request, key))

        events = []
        for line in lines:
            by = None
            if line["by"]:
                by = text("work.you" if line["by"] == str(visitor.identity.person) else "work.colleague")
            detail = ""
            if line.get("department"):
                detail = visitor.municipality.departments.get(line["department"], line["department"])
            elif line.get("result"):
                detail = text(f"work.result.{line['result']}")
            elif line.get("purpose"):
                detail = text(f"work.purpose.{line['purpose']}")
            elif line.get("status"):
                detail = text(f"codes.status.{line['status']}")
            events.append(
                Event(text(f"work.history.{line['what']}"), _time(line["at"]), by=by, text=detail or None)
            )
        return tuple(reversed(events))


def _elsewhere(renderer: Renderer, language: str, report: Mapping[str, Any]) -> tuple[tuple[str, str], ...]:
    """When staff heard it by phone, mail or counter, for a report that came so."""
    at = report["receivedElsewhereAt"]
    return (("received_elsewhere", renderer.moment(language, _time(at))),) if at else ()


def _action(values: Mapping[str, str]) -> tuple[str, dict[str, object]]:
    """The path and body of an action that a form names; casework checks the values."""
    given = values.get("version", "")
    version: object = int(given) if _VERSION.fullmatch(given) else None
    action = values.get("action", "")
    if action == "take":
        return "takings", {"version": version}
    if action == "move":
        return "transitions", {"version": version, "status": values.get("status", "")}
    if action == "reopen":
        return "reopenings", {"version": version}
    if action == "close":
        duplicate = values.get("duplicate_of", "").strip()
        body: dict[str, object] = {"version": version, "result": values.get("result", "")}
        return "closings", {**body, "duplicateOf": duplicate} if duplicate else body
    raise NotFound("There is no such action.")


def _refused(status: int, problem: Mapping[str, Any]) -> Refused:
    errors = problem.get("errors") or [{}]
    return Refused(status, str(errors[0].get("code") or problem.get("code") or ""))


def _refusal_key(site: Site, request: Request, refusal: Refused) -> str:
    catalogue = site.renderer.catalogues[site.language(request)]
    key = f"work.refused.{refusal.reason}"
    return key if catalogue.has(key) else "work.refused.other"


def _results_field(site: Site, request: Request, results: Sequence[Mapping[str, str]]) -> Field:
    name = "name" if site.language(request) == "nl" else "nameEn"
    first = Option("", str(site.text(request, "work.choose")))
    options = (first, *(Option(result["code"], result[name]) for result in results))
    return Field(
        "result",
        str(site.text(request, "work.result_label")),
        "select",
        hint=str(site.text(request, "work.result_hint")),
        options=options,
        is_required=True,
    )


def _with_times(report: Mapping[str, Any]) -> dict[str, Any]:
    times = {name: _time(report[name]) for name in ("receivedAt", "dueAt")}
    asked = [
        {
            **question,
            "askedAt": _time(question["askedAt"]),
            "replies": [{**reply, "givenAt": _time(reply["givenAt"])} for reply in question["replies"]],
        }
        for question in report.get("questions", ())
    ]
    notes = [{**note, "at": _time(note["at"])} for note in report.get("notes", ())]
    return {**report, **times, "questions": asked, "notes": notes}


def _time(text: str) -> datetime:
    return datetime.fromisoformat(text)


def _report_id(request: Request) -> UUID:
    try:
        return UUID(request.path_params["report_id"])
    except ValueError as error:
        raise NotFound("There is no such report.") from error
