"""Reporting: choose what it is about, answer, check, and get a receipt. Works without script."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from common.errors import AppError, Failed, Malformed, TooMuch
from pydantic import ValidationError
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute

from gateway.flood import Admission, Asked, FormTooOld, FormTooQuick
from gateway.front import CsrfMissing, Visitor, address_of
from gateway.pages.answering import Answers, Turn
from gateway.pages.asking import Asking
from gateway.pages.carrying import CHOSEN_FIELD, Carrier, Sent
from gateway.pages.checking import Checking, HiddenWords
from gateway.pages.faults import Fault, faults_of
from gateway.pages.filled import (
    INVITATION_FIELD,
    MARK_FIELD,
    Filled,
    invitation_of,
    read_filled,
    submission_of,
    words_of,
)
from gateway.pages.paging import Paging
from gateway.pages.questions import Forms, FormsSource
from gateway.pages.repeats import STORED, unless_sent
from gateway.pages.site import Site
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
        self._answers = Answers(site, self._source)

    async def choose(self, request: Request, visitor: Visitor) -> Response:
        """What is it about? And what belongs elsewhere."""
        return await self._answers.choose(request, visitor)

    async def take(self, request: Request, visitor: Visitor) -> Response:
        """The step that the form names: show questions, check the whole, or send the report.

        Whatever goes wrong, what was filled in stays in the page that answers, unless it was sent.
        """
        sent = await self._read(request, visitor)
        return await unless_sent(
            self._site.front.services,
            visitor,
            sent.form,
            sending={"send"},
            answer=lambda: self._take(request, visitor, sent),
            sent_already=lambda: self._answers.sent_already(request, visitor, sent.form),
        )

    async def _take(self, request: Request, visitor: Visitor, sent: Sent) -> Response:
        form, filled = sent.form, self._opened(visitor, read_filled(sent.form))
        asking: Asking | None = None
        try:
            forms = await self._source.forms(visitor.identity)
            kind = forms.find(filled.signal_type)
            if kind is None:
                problem = self._site.text(request, "report.fault.no_type")
                return await self._answers.choose(request, visitor, problem=str(problem), status=400)
            invited = forms.is_for_invited and not visitor.identity.is_professional
            asking = Asking(forms, kind, self._answers.words(request), filled, needs_invitation=invited)
            turn = Turn(request, visitor, form, asking)
            if problems := file_faults(sent, forms):
                return self._answers.ask(turn.with_faults(*problems), Malformed.status)
            return await self._go(turn)
        except AppError as error:
            return self._answers.unsent(request, visitor, form, asking or filled, error)

    async def _go(self, turn: Turn) -> Response:
        step, _, page = str(turn.form.get("step", "")).partition(":")
        if step == "send":
            return await self._send(turn)
        if step == "check":
            return await self._check(turn)
        if step == "next":
            return await self._next(turn)
        if step == "back":
            page = Paging(turn.asking).before(turn.asking.filled.page).key
        return self._answers.ask(turn.with_filled(page=page or turn.asking.filled.page))

    async def _read(self, request: Request, visitor: Visitor) -> Sent:
        """The form with the files that it brings; read also while intake is away, so that nothing is lost."""
        if not _has_files(request):
            return Sent(await self._site.form(request))
        try:
            offered = (await self._source.forms(visitor.identity)).files
        except AppError:
            offered = None
        carrier = Carrier(self._site.front, offered)
        return await carrier.read(request, visitor, self._site.language(request))

    async def _next(self, turn: Turn) -> Response:
        """The next page; the last one leads to the check."""
        filled, paging = turn.asking.filled, Paging(turn.asking)
        page = paging.at(filled.page)
        faults = [fault for fault in self._faults(turn) if fault.field in page.names]
        if faults:
            return self._answers.ask(turn.with_faults(*faults), Malformed.status)
        if warning := self._answers.warning(turn, "next"):
            return warning
        following = paging.after(page.key)
        if following is None:
            return await self._check(turn)
        return self._answers.ask(turn.with_filled(page=following.key))

    async def _check(self, turn: Turn) -> Response:
        """What will be hidden, and everything that goes along, before it goes."""
        wrong = self._faults(turn)
        if any(fault.field != MARK_FIELD for fault in wrong):
            return self._answers.ask(turn.with_faults(*wrong), Malformed.status)
        if warning := self._answers.warning(turn, "check"):
            return warning
        asking = turn.asking
        words = words_of(asking.filled, asking.kind, asking.forms)
        admission = await self._admit(turn, words, is_preview=True)
        if isinstance(admission, Response):
            return admission
        code, told = await self._tell_intake(turn, admission, "/api/v1/anonymisations", words)
        if refusal := self._answers.not_invited(turn, code, told):
            return refusal
        if code == Malformed.status:
            return self._answers.told(turn, told)
        try:
            hidden = HiddenWords.model_validate(told)
        except ValidationError as error:
            raise NotSent from error
        turn = turn.with_faults(*wrong).with_filled(is_checked=True)
        return self._site.page(
            turn.request,
            turn.visitor,
            "report/check.html",
            status=Malformed.status if wrong else 200,
            checking=Checking(turn.asking, hidden),
            problems=turn.asking.problems_of(()),
        )

    async def _send(self, turn: Turn) -> Response:
        request, visitor, asking = turn.request, turn.visitor, turn.asking
        try:
            self._site.refuse_forgery(request, visitor, turn.form)
        except CsrfMissing as error:
            return self._answers.ask(turn.with_faults(Fault("", key="session")), error.status)
        if self._faults(turn):
            return await self._check(turn)
        if warning := self._answers.warning(turn, "send"):
            return warning
        language = self._site.language(request)
        report = submission_of(asking.filled, asking.kind, asking.forms, language=language)
        admission = await self._admit(turn, report)
        if isinstance(admission, Response):
            return admission
        key = {"Idempotency-Key": asking.filled.key}
        status, told = await self._tell_intake(turn, admission, "/api/v1/reports", report, key)
        if admission.is_new:
            count = len(asking.filled.files)
            self._site.front.uploads.taken_along(request.scope, visitor.identity, count)
        return await self._answer(turn, status, told if isinstance(told, dict) else {})

    async def _tell_intake(
        self,
        turn: Turn,
        admission: Admission,
        path: str,
        body: object,
        headers: Mapping[str, str] | None = None,
    ) -> tuple[int, Any]:
        """Intake's status and answer to a body that goes with the code of who was invited."""
        front, invitation = self._site.front, invitation_of(turn.asking.filled)
        code = next(iter(invitation.values()), "")
        marked = front.uploads.marked_if_long(turn.request.scope, turn.visitor.identity, len(str(body)))
        sent = {**(headers or {}), **invitation, **marked}
        async with front.invitations.trying(address_of(turn.request), code) as attempt:
            with admission:
                status, told = await front.services.call(
                    turn.visitor.identity, "intake", "POST", path, body, headers=sent
                )
                attempt.ends(status)
                admission.ends(status)
        return status, told

    def _faults(self, turn: Turn) -> list[Fault]:
        asking = turn.asking
        faults = faults_of(asking.filled, asking.kind, asking.forms, today=datetime.now(ZONE).date())
        if asking.needs_invitation and not invitation_of(asking.filled):
            return [Fault(INVITATION_FIELD, key="invitation_missing"), *faults]
        return faults

    def _opened(self, visitor: Visitor, filled: Filled) -> Filled:
        """The form with the token that tells since when it is open."""
        flood = self._site.front.flood
        token = flood.form_token(visitor.municipality.code, filled.key, filled.form_token)
        return replace(filled, form_token=token)

    async def _admit(
        self, turn: Turn, body: Mapping[str, Any], *, is_preview: bool = False
    ) -> Response | Admission:
        """Keep a flood out: leave to ask intake about this, or the form with what to do."""
        visitor, filled, flood = turn.visitor, turn.asking.filled, self._site.front.flood
        if not visitor.identity.is_anonymous:
            return Admission()
        admit = flood.admit_form_preview if is_preview else flood.admit_form
        address = address_of(turn.request)
        asked = Asked(visitor.municipality.code, address, filled.key, filled.proof, filled.form_token)
        try:
            admission = admit(asked)
            await admission.enter(len(str(body)), len(filled.hide))
        except FormTooOld as error:
            fresh = self._opened(visitor, replace(filled, form_token=""))
            again = turn.with_filled(form_token=fresh.form_token)
            return self._answers.ask(again.with_faults(Fault("", key="too_old")), error.status)
        except TooMuch as error:
            key = "too_quick" if isinstance(error, FormTooQuick) else "too_many"
            return self._answers.ask(turn.with_faults(Fault("", key=key)), error.status, error.headers)
        return admission

    async def _answer(self, turn: Turn, status: int, told: dict[str, object]) -> Response:
        if status == STORED:
            return await self._answers.receipt(turn, told)
        if status == Malformed.status:
            return self._answers.told(turn, told)
        if refusal := self._answers.not_invited(turn, status, told):
            return refusal
        if status == 409 and told.get("code") == "attachment-taken":
            return self._answers.ask(turn.with_faults(Fault(CHOSEN_FIELD, key="gone")), status)
        if status == 409:
            return await self._answers.sent_already(turn.request, turn.visitor, turn.form)
        raise NotSent if status != 500 else Failed


def _has_files(request: Request) -> bool:
    return request.headers.get("content-type", "").lower().startswith("multipart/form-data")


def file_faults(sent: Sent, forms: Forms) -> list[Fault]:
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
