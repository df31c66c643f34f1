"""Reporting: choose what it is about, answer the questions, and get a receipt. Works without script."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from common.errors import AppError, Malformed, TooMuch
from starlette.datastructures import FormData
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute

from gateway.flood import FormTooOld, FormTooQuick
from gateway.front import CsrfMissing, Visitor
from gateway.pages.asking import Asking
from gateway.pages.carrying import CHOSEN_FIELD, Carrier, Sent
from gateway.pages.filled import Fault, Filled, faults_of, faults_told, read_filled, submission_of
from gateway.pages.questions import Forms, FormsSource, Words
from gateway.pages.site import Failed, Site
from gateway.rendering.pages import ZONE


def routes(site: Site) -> Sequence[BaseRoute]:
    """The report form; every step after the first travels in the body, so no address tells anything."""
    rooms = _Report(site)
    return [site.route("report", get=rooms.choose, post=rooms.take)]


class NotSent(AppError):
    """Intake refused for a reason that has nothing to do with what was filled in."""

    status = 503
    code = "not-sent"
    title = "The report was not sent"


class _Report:
    """The endpoints."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self._source = FormsSource(site.front.services)
        self._uploads = asyncio.Semaphore(site.front.settings.uploads_at_once)

    async def choose(self, request: Request, visitor: Visitor) -> Response:
        """What is it about? And what belongs elsewhere."""
        return await self._choose(request, visitor)

    async def take(self, request: Request, visitor: Visitor) -> Response:
        """The step that the form names: show the questions, or send the report.

        Whatever goes wrong, what was filled in stays in the page that answers.
        """
        sent = await self._read(request, visitor)
        form, filled = sent.form, self._opened(visitor, read_filled(sent.form))
        try:
            forms = await self._source.forms(visitor.identity)
            kind = forms.find(filled.signal_type)
            if kind is None:
                problem = self._site.text(request, "report.fault.no_type")
                return await self._choose(request, visitor, problem=str(problem), status=400)
            asking = Asking(forms, kind, self._words(request), filled)
            if form.get("step") != "send":
                return self._ask(request, visitor, asking)
            if problems := _file_faults(sent, forms):
                return self._ask(request, visitor, _with(asking, *problems), Malformed.status)
            return await self._send(request, visitor, form, asking)
        except AppError as error:
            return self._unsent(request, visitor, filled, error)

    async def _read(self, request: Request, visitor: Visitor) -> Sent:
        """The form with the files that it brings; read also while intake is away, so that nothing is lost."""
        if not _has_files(request):
            return Sent(await self._site.form(request))
        try:
            offered = (await self._source.forms(visitor.identity)).files
        except AppError:
            offered = None
        async with self._uploads:  # each may hold a connection to intake
            return await Carrier(self._site.front, offered).read(
                request, visitor, self._site.language(request)
            )

    async def _send(self, request: Request, visitor: Visitor, form: FormData, asking: Asking) -> Response:
        filled, kind, forms = asking.filled, asking.kind, asking.forms
        try:
            self._site.refuse_forgery(request, visitor, form)
        except CsrfMissing as error:
            return self._ask(request, visitor, _with(asking, Fault("", key="session")), error.status)
        faults = faults_of(filled, kind, forms, today=datetime.now(ZONE).date())
        if faults:
            return self._ask(request, visitor, _with(asking, *faults), Malformed.status)
        rule = kind.acute_rule(filled.given(kind, forms))
        if rule is not None and not filled.is_warned:
            return self._warn(request, visitor, asking, asking.explanation(rule.explanation))
        refusal = await self._admit(request, visitor, asking)
        if refusal is not None:
            return refusal
        language = self._site.language(request)
        status, told = await self._site.front.services.call(
            visitor.identity,
            "intake",
            "POST",
            "/api/v1/reports",
            submission_of(filled, kind, forms, language=language),
            headers={"Idempotency-Key": filled.key},
        )
        return self._answer(request, visitor, asking, status, told if isinstance(told, dict) else {})

    def _opened(self, visitor: Visitor, filled: Filled) -> Filled:
        """The form with the token that tells since when it is open."""
        token = self._site.front.flood.form_token(visitor.municipality.code, filled.form_token)
        return replace(filled, form_token=token)

    async def _admit(self, request: Request, visitor: Visitor, asking: Asking) -> Response | None:
        """Keep a flood out; None lets the report in, else the form with what to do."""
        if not visitor.identity.is_anonymous:
            return None
        filled, flood = asking.filled, self._site.front.flood
        try:
            delay = flood.admit_form(visitor.municipality.code, filled.key, filled.proof, filled.form_token)
        except FormTooOld as error:
            fresh = self._opened(visitor, replace(filled, form_token=""))
            again = Asking(asking.forms, asking.kind, asking.words, fresh)
            return self._ask(request, visitor, _with(again, Fault("", key="too_old")), error.status)
        except TooMuch as error:
            key = "too_quick" if isinstance(error, FormTooQuick) else "too_many"
            return self._ask(request, visitor, _with(asking, Fault("", key=key)), error.status, error.headers)
        await asyncio.sleep(delay)
        return None

    def _answer(
        self, request: Request, visitor: Visitor, asking: Asking, status: int, told: dict[str, object]
    ) -> Response:
        if status == 201:
            return self._receipt(request, visitor, asking, told)
        if status == Malformed.status:
            errors = told.get("errors")
            faults = faults_told(errors if isinstance(errors, list) else [], self._site.language(request))
            return self._ask(request, visitor, _with(asking, *faults), status)
        if status == 409 and told.get("code") == "attachment-taken":
            return self._ask(request, visitor, _with(asking, Fault(CHOSEN_FIELD, key="gone")), status)
        if status == 409:
            again = Asking(asking.forms, asking.kind, asking.words, asking.filled.with_new_key())
            return self._ask(request, visitor, _with(again, Fault("", key="already_sent")), status)
        raise NotSent if status != 500 else Failed

    async def _choose(
        self, request: Request, visitor: Visitor, *, problem: str = "", status: int = 200
    ) -> Response:
        forms = await self._source.forms(visitor.identity)
        return self._site.page(
            request,
            visitor,
            "report/choose.html",
            status=status,
            forms=forms,
            words=self._words(request),
            problem=problem,
        )

    def _ask(
        self,
        request: Request,
        visitor: Visitor,
        asking: Asking,
        status: int = 200,
        headers: Mapping[str, str] | None = None,
    ) -> Response:
        return self._site.page(
            request, visitor, "report/form.html", status=status, headers=headers, asking=asking
        )

    def _warn(self, request: Request, visitor: Visitor, asking: Asking, explanation: str) -> Response:
        return self._site.page(request, visitor, "report/call.html", asking=asking, explanation=explanation)

    def _receipt(
        self, request: Request, visitor: Visitor, asking: Asking, told: dict[str, object]
    ) -> Response:
        return self._site.page(
            request,
            visitor,
            "report/receipt.html",
            status=201,
            receipt=str(told.get("receipt", "")),
            is_acute=told.get("urgency") == "acuut",
            explanation=asking.explanation(str(told.get("explanation", ""))),
            safety_tip=asking.words.of("type", asking.kind.code, "tip", dutch=str(told.get("safetyTip", ""))),
            has_mail=bool(asking.filled.text("mail").strip()),
        )

    def _unsent(self, request: Request, visitor: Visitor, filled: Filled, error: AppError) -> Response:
        headers = {"Retry-After": "5", **error.headers}
        return self._site.page(
            request,
            visitor,
            "report/unsent.html",
            status=error.status if error.status in {429, 504} else 503,
            headers=headers,
            filled=filled,
        )

    def _words(self, request: Request) -> Words:
        return Words(self._site.renderer.catalogues[self._site.language(request)])


def _has_files(request: Request) -> bool:
    return request.headers.get("content-type", "").lower().startswith("multipart/form-data")


def _file_faults(sent: Sent, forms: Forms) -> list[Fault]:
    """What became of files that did not get through, and whether there are too many."""
    faults = [
        Fault(CHOSEN_FIELD, key="refused", values={"name": name, "why": why})
        if why
        else Fault(CHOSEN_FIELD, key="not_now")
        for name, why in sent.problems
    ]
    if sent.is_too_many and forms.files:
        faults.append(Fault(CHOSEN_FIELD, key="too_many", values={"count": forms.files.max_count}))
    return faults


def _with(asking: Asking, *faults: Fault) -> Asking:
    return Asking(asking.forms, asking.kind, asking.words, asking.filled, faults)
