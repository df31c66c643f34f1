"""Staff enters what came by phone, counter, mail or MMA: one page, by keyboard, also without script."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from common.contracts.codes import Role
from common.errors import AppError, Malformed, Unavailable
from pydantic import ValidationError
from starlette.datastructures import FormData
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute

from gateway.front import CsrfMissing, Visitor
from gateway.mail import MAX_BYTES, Draft, MailReader, MailRefused, draft_of_text
from gateway.pages.asking import Asking
from gateway.pages.carrying import CHOSEN_FIELD, Carrier, Sent
from gateway.pages.checking import Checking, HiddenWords
from gateway.pages.entering import ENTRY_FIELDS, Entry, read_entry
from gateway.pages.faults import Fault, faults_of, faults_told
from gateway.pages.filled import Filled, read_filled, submission_of, words_of
from gateway.pages.questions import Forms, FormsAway, FormsSource, Words
from gateway.pages.repeats import SENT_ALREADY, STORED, unless_sent
from gateway.pages.report import file_faults
from gateway.pages.site import Site
from gateway.rendering import Field, Option, Problem, Section, problems_of
from gateway.rendering.pages import ZONE
from gateway.session import now_utc

_MAIL, _PASTED = "mail", "pasted"
_IN_CONFIDENCE = "vertrouwelijk"
_SEND, _SEND_NEXT = "send", "send_next"


def routes(site: Site) -> Sequence[BaseRoute]:
    """The entry page; what is filled in travels in the body, so no address tells anything."""
    rooms = _EntryPage(site)
    return [site.route("entry", get=rooms.show, post=rooms.take)]


class EntryAway(FormsAway):
    """As `FormsAway`; staff has somebody on the line, and is told what to do meanwhile."""

    code = "entry-away"


@dataclass(frozen=True)
class _Turn:
    """One request on its way: what was filled in, and what the page that answers says of it."""

    request: Request
    visitor: Visitor
    forms: Forms
    words: Words
    filled: Filled
    entry: Entry
    pasted: str = ""  # a mail that is not in the form yet
    faults: tuple[Fault, ...] = ()
    entry_faults: dict[str, str] = field(default_factory=dict)
    more: dict[str, Any] = field(default_factory=dict)  # for the template

    @property
    def asking(self) -> Asking | None:
        """The questions of the chosen type."""
        kind = self.forms.find(self.filled.signal_type)
        return Asking(self.forms, kind, self.words, self.filled, self.faults) if kind else None


class _EntryPage:
    """The endpoints."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self._source = FormsSource(site.front.services)
        self._mails = MailReader(needs_walls=site.front.settings.apart_needs_walls)

    async def show(self, request: Request, visitor: Visitor) -> Response:
        """An empty form."""
        self._site.require(visitor, Role.STAFF_ENTRY)
        try:
            return self._page(await self._turn(request, visitor, FormData([])))
        except FormsAway as error:
            raise EntryAway(error.detail) from error

    async def take(self, request: Request, visitor: Visitor) -> Response:
        """The step that the form names; what was filled in stays in the page, unless it was stored."""
        self._site.require(visitor, Role.STAFF_ENTRY)
        sent = await self._read(request, visitor)
        return await unless_sent(
            self._site.front.services,
            visitor,
            sent.form,
            sending={_SEND, _SEND_NEXT},
            answer=lambda: self._take(request, visitor, sent),
            sent_already=lambda: self._sent_already(request, visitor),
        )

    async def _take(self, request: Request, visitor: Visitor, sent: Sent) -> Response:
        try:
            turn = await self._turn(request, visitor, sent.form)
        except FormsAway as error:
            return self._unsaved(request, visitor, sent.form, error)
        try:
            self._site.refuse_forgery(request, visitor, sent.form)
        except CsrfMissing as error:
            return self._page(_with(turn, Fault("", key="session")), error.status)
        if problems := file_faults(sent, turn.forms):
            return self._page(_with(turn, *problems), Malformed.status)
        step = str(sent.form.get("step", ""))
        try:
            if step == "mail":
                return await self._draft(turn, sent)
            if step == "check":
                return await self._check(turn)
            if step in {_SEND, _SEND_NEXT}:
                return await self._send(turn, step)
        except AppError as error:
            status = error.status if error.status in {429, 504} else Unavailable.status
            return self._page(
                _with(turn, Fault("", key="not_now")), status, {"Retry-After": "5", **error.headers}
            )
        return self._page(turn)

    async def _turn(self, request: Request, visitor: Visitor, form: FormData) -> _Turn:
        words = Words(self._site.renderer.catalogues[self._site.language(request)])
        forms, pasted = await self._source.forms(visitor.identity), str(form.get(_PASTED, ""))
        return _Turn(request, visitor, forms, words, read_filled(form), read_entry(form), pasted)

    async def _read(self, request: Request, visitor: Visitor) -> Sent:
        if not request.headers.get("content-type", "").lower().startswith("multipart/form-data"):
            return Sent(await self._site.form(request))
        try:
            offered = (await self._source.forms(visitor.identity)).files
        except FormsAway:
            offered = None  # the rest of the form is read, so that nothing of it is lost
        carrier = Carrier(self._site.front, offered, keeps=(_MAIL, MAX_BYTES))
        return await carrier.read(request, visitor, self._site.language(request))

    async def _draft(self, turn: _Turn, sent: Sent) -> Response:
        """A mail in the form, for staff to look over; nothing of it is kept."""
        pasted = turn.pasted
        try:
            content = bytes(MAX_BYTES + 1) if sent.is_kept_too_large else sent.kept
            has_mail = content or not pasted
            municipality = turn.visitor.municipality.code
            draft = await self._mails.read(content, municipality) if has_mail else draft_of_text(pasted)
        except MailRefused as error:
            return self._page(replace(turn, more={"refused": error.reason}), Malformed.status)
        turn = _filled_from(turn, draft)
        skipped = [each.name or each.media_type for each in draft.enclosed]
        if sent.form.get("enclosed") and turn.asking:
            turn, skipped = await self._enclose(turn, draft)
        return self._page(
            replace(turn, more={"left_out": draft.left_out, "skipped": skipped, "is_draft": True})
        )

    async def _enclose(self, turn: _Turn, draft: Draft) -> tuple[_Turn, list[str]]:
        """Send what came with the mail through the door for files; which did not get in."""
        carrier = Carrier(self._site.front, turn.forms.files)
        files, skipped = list(turn.filled.files), []
        for each in draft.enclosed:
            room = turn.forms.files is not None and len(files) < turn.forms.files.max_count
            taken = (
                await carrier.send(turn.request.scope, turn.visitor, turn.filled.signal_type, each)
                if room
                else None
            )
            if taken is None:
                skipped.append(each.name or each.media_type)
            else:
                files.append(taken)
        return replace(turn, filled=replace(turn.filled, files=tuple(files))), skipped

    async def _check(self, turn: _Turn) -> Response:
        """The same page with what will be hidden."""
        asking = turn.asking
        if asking is None:
            return self._page(_with(turn, Fault("type", key="no_type")), Malformed.status)
        body = words_of(turn.filled, asking.kind, turn.forms)
        status, told = await self._call(turn, "/api/v1/anonymisations", body, {})
        if status == Malformed.status:
            return self._page(_with(turn, *_told(told, self._site.language(turn.request))), status)
        try:
            hidden = HiddenWords.model_validate(told)
        except ValidationError as error:
            raise Unavailable("What will be hidden cannot be told now.") from error
        return self._page(replace(turn, more={"checking": Checking(asking, hidden)}))

    async def _send(self, turn: _Turn, step: str) -> Response:
        now, asking = now_utc(), turn.asking
        faults = [Fault("type", key="no_type")]
        if asking is not None:
            faults = faults_of(turn.filled, asking.kind, turn.forms, today=now.astimezone(ZONE).date())
        entry_faults = turn.entry.faults(now)
        if asking is None or faults or entry_faults:
            wrong = replace(turn, faults=tuple(faults), entry_faults=entry_faults)
            return self._page(wrong, Malformed.status)
        rule = asking.kind.acute_rule(turn.filled.given(asking.kind, turn.forms))
        if rule is not None and not turn.filled.is_warned:
            warned = replace(turn, filled=replace(turn.filled, is_warned=True))
            return self._page(replace(warned, more={"warning": asking.explanation(rule.explanation)}))
        language = self._site.language(turn.request)
        body = submission_of(turn.filled, asking.kind, turn.forms, language=language) | turn.entry.told(now)
        status, told = await self._call(turn, "/api/v1/reports", body, {"Idempotency-Key": turn.filled.key})
        if status == STORED:
            return self._done(turn, asking, told, step)
        if status == 409 and told.get("code") == "attachment-taken":
            return self._page(_with(turn, Fault(CHOSEN_FIELD, key="gone")), status)
        if status == 409:
            return await self._sent_already(turn.request, turn.visitor)
        if status == Malformed.status:
            return self._page(_with(turn, *_told(told, language)), status)
        raise Unavailable("The report was not stored.")

    async def _call(
        self, turn: _Turn, path: str, body: dict[str, Any], headers: dict[str, str]
    ) -> tuple[int, dict[str, Any]]:
        services = self._site.front.services
        status, told = await services.call(
            turn.visitor.identity, "intake", "POST", path, body, headers=headers
        )
        return status, told if isinstance(told, dict) else {}

    def _done(self, turn: _Turn, asking: Asking, told: dict[str, Any], step: str) -> Response:
        done = {
            "receipt": str(told.get("receipt", "")),
            "is_acute": told.get("urgency") == "acuut",
            "explanation": asking.explanation(str(told.get("explanation") or "")),
        }
        if step == _SEND:
            return self._site.page(turn.request, turn.visitor, "entry/done.html", status=201, done=done)
        fresh = replace(turn, filled=read_filled(FormData([])), entry=Entry(turn.entry.channel), pasted="")
        return self._page(replace(fresh, more={"done": done}), 201)

    async def _sent_already(self, request: Request, visitor: Visitor) -> Response:
        return self._site.page(request, visitor, "entry/sent.html", status=SENT_ALREADY)

    def _unsaved(self, request: Request, visitor: Visitor, form: FormData, error: FormsAway) -> Response:
        """What was filled in, carried along and shown, while there is no form to put it in."""
        filled = read_filled(form)
        carried = [(name, str(form.get(name, ""))) for name in (*ENTRY_FIELDS, _PASTED)]
        return self._site.page(
            request,
            visitor,
            "entry/unsaved.html",
            status=error.status,
            headers=error.headers,
            carried_pairs=[*filled.pairs, *carried],
            story=filled.text("description") or str(form.get(_PASTED, "")),
        )

    def _page(self, turn: _Turn, status: int = 200, headers: dict[str, str] | None = None) -> Response:
        asking, catalogue = turn.asking, turn.words.catalogue
        entry_fields = turn.entry.fields(catalogue, turn.entry_faults)
        types = _types(turn, has_focus=asking is None)
        sections = _sections(asking)
        fields = [each for section in sections for each in section.fields]
        known = {"type", *(each.name for each in fields)} if asking else {"type"}
        whole = (
            [Problem(str(catalogue.text(f"entry.refused.{turn.more['refused']}")), "mail")]
            if ("refused" in turn.more)
            else []
        )
        if asking is None:
            sentences = (each for each in turn.faults if each.field not in known)
            whole += [Problem(each.sentence or _sentence(catalogue, each)) for each in sentences]
        problems = (
            *whole,
            *problems_of((*entry_fields, types)),
            *(asking.problems_of(fields) if asking else ()),
        )
        return self._site.page(
            turn.request,
            turn.visitor,
            "entry/form.html",
            status=status,
            headers=headers,
            asking=asking,
            sections=sections,
            entry_fields=entry_fields,
            types=types,
            filled=turn.filled,
            pasted=turn.pasted,
            problems=tuple(dict.fromkeys(problems)),
            more={name: turn.more.get(name) for name in _MORE},
        )


#: What the template may be told besides.
_MORE = ("checking", "done", "is_draft", "left_out", "refused", "skipped", "warning")


def _sentence(catalogue: Any, fault: Fault) -> str:  # noqa: ANN401 -- a Catalogue
    return str(catalogue.text(f"report.fault.{fault.key}"))


def _types(turn: _Turn, *, has_focus: bool) -> Field:
    text, kinds = turn.words.catalogue, turn.forms.signal_types
    names = [(each.code, turn.words.of("type", each.code, "name", dutch=each.name)) for each in kinds]
    is_missing = any(fault.field == "type" for fault in turn.faults)
    return Field(
        "type",
        str(text.text("entry.field.type")),
        kind="select",
        value=turn.filled.signal_type,
        options=(Option("", str(text.text("entry.choose"))), *(Option(*each) for each in names)),
        is_required=True,
        error=str(text.text("report.fault.no_type")) if is_missing else None,
        has_focus=has_focus,
    )


def _sections(asking: Asking | None) -> tuple[Section, ...]:
    """The form's own sections; the story has the focus."""
    if asking is None:
        return ()
    return tuple(
        replace(
            section,
            fields=tuple(replace(each, has_focus=each.name == "description") for each in section.fields),
        )
        for section in asking.sections
    )


def _filled_from(turn: _Turn, draft: Draft) -> _Turn:
    """The form with the mail in it; what staff chose already stays."""
    texts = {**turn.filled.texts, "description": draft.text}
    if draft.sender_address:
        texts["mail"] = draft.sender_address
    kind = turn.forms.find(turn.filled.signal_type)
    if draft.sender_name:
        texts["name"] = draft.sender_name
        if kind and _IN_CONFIDENCE in turn.forms.modes_for(kind):
            texts["mode"] = _IN_CONFIDENCE
    entry = replace(turn.entry, channel=turn.entry.channel or "mail").at_moment(draft.sent_at)
    return replace(turn, filled=replace(turn.filled, texts=texts), entry=entry, pasted="")


def _with(turn: _Turn, *faults: Fault) -> _Turn:
    return replace(turn, faults=faults)


def _told(told: dict[str, Any], language: str) -> list[Fault]:
    errors = told.get("errors")
    return faults_told(errors if isinstance(errors, list) else [], language)
