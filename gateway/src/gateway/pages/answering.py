"""What the report form answers with: questions, a warning, the receipt, or that nothing was sent."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from common.errors import AppError, Malformed
from starlette.datastructures import FormData
from starlette.requests import Request
from starlette.responses import Response

from gateway.domain.draft_keys import id_of
from gateway.front import Visitor, address_of
from gateway.pages.asking import Asking
from gateway.pages.carrying import FILE_FIELD
from gateway.pages.checking import said_in
from gateway.pages.faults import Fault, faults_told
from gateway.pages.filled import INVITATION_FIELD, Filled, draft_in
from gateway.pages.paging import Paging
from gateway.pages.questions import FormsSource, Words
from gateway.pages.repeats import SENT_ALREADY
from gateway.pages.site import Site

#: Why intake takes no report from this visitor, by its code.
_REFUSALS = {
    "invitation-needed": Fault(INVITATION_FIELD, key="invitation_missing"),
    "invitation-refused": Fault(INVITATION_FIELD, key="invitation_refused"),
    "sign-in-needed": Fault("", key="sign_in_needed"),
}


@dataclass(frozen=True)
class Turn:
    """One request on its way through the form."""

    request: Request
    visitor: Visitor
    form: FormData
    asking: Asking

    def with_faults(self, *faults: Fault) -> "Turn":
        """The same with something wrong."""
        return replace(self, asking=replace(self.asking, faults=faults))

    def with_filled(self, **changes: object) -> "Turn":
        """The same form with some of it changed."""
        filled = replace(self.asking.filled, **changes)  # type: ignore[arg-type]  # names of its fields
        return replace(self, asking=replace(self.asking, filled=filled))


class Answers:
    """Every page of the form but the check."""

    def __init__(self, site: Site, source: FormsSource) -> None:
        self._site = site
        self._source = source

    async def choose(
        self, request: Request, visitor: Visitor, *, problem: str = "", status: int = 200
    ) -> Response:
        """What is it about? And what belongs elsewhere."""
        forms = await self._source.forms(visitor.identity)
        return self._site.page(
            request,
            visitor,
            "report/choose.html",
            status=status,
            forms=forms,
            words=self.words(request),
            problem=problem,
            is_closed=forms.is_for_signed_in and not visitor.identity.is_professional,
        )

    def ask(self, turn: Turn, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
        """The whole form, or of a form with one question a page the first where something is wrong."""
        asking, page, sections = turn.asking, None, turn.asking.sections
        if asking.forms.is_paged:
            paging = Paging(asking)
            page = paging.first_wrong() or paging.at(asking.filled.page)
            sections = (page.section,)
        fields = [field for section in sections for field in section.fields]
        has_files = page.has_files if page else asking.takes_files
        shown = {"warned", *(field.name for field in fields), *([FILE_FIELD] if has_files else [])}
        return self._site.page(
            turn.request,
            turn.visitor,
            "report/form.html",
            status=status,
            headers=headers,
            asking=asking,
            page=page,
            sections=sections,
            has_files=has_files,
            problems=asking.problems_of(fields),
            carried_pairs=asking.filled.pairs_without(shown),
        )

    def told(self, turn: Turn, told: object) -> Response:
        """The form with what intake finds wrong."""
        errors = told.get("errors") if isinstance(told, dict) else None
        language = self._site.language(turn.request)
        faults = faults_told(errors if isinstance(errors, list) else [], language)
        return self.ask(turn.with_faults(*faults), Malformed.status)

    def not_invited(self, turn: Turn, status: int, told: object) -> Response | None:
        """The form with why this visitor may not report, when that is what intake says."""
        fault = _REFUSALS.get(str(told.get("code"))) if status == 403 and isinstance(told, dict) else None
        return None if fault is None else self.ask(turn.with_faults(fault), status)

    def warning(self, turn: Turn, step: str) -> Response | None:
        """The screen that says 112, once, where the answers call for it; `step` is what comes after it."""
        asking = turn.asking
        rule = asking.kind.acute_rule(asking.filled.given(asking.kind, asking.forms))
        if rule is None or asking.filled.is_warned:
            return None
        return self._site.page(
            turn.request,
            turn.visitor,
            "report/call.html",
            asking=asking,
            explanation=asking.explanation(rule.explanation),
            step=step,
        )

    async def sent_already(self, request: Request, visitor: Visitor, form: FormData) -> Response:
        """That this report was sent, without a word of it; no draft of it opens any more."""
        draft = draft_in(form)
        return self._site.page(
            request,
            visitor,
            "report/sent.html",
            status=SENT_ALREADY,
            draft=draft,
            is_draft_open=await self._left_draft(request, visitor, draft),
        )

    async def receipt(self, turn: Turn, told: dict[str, object]) -> Response:
        """The receipt, after which no draft of this report opens any more."""
        asking = turn.asking
        draft = asking.filled.draft
        is_draft_open = await self._left_draft(turn.request, turn.visitor, draft)
        return self._site.page(
            turn.request,
            turn.visitor,
            "report/receipt.html",
            status=201,
            receipt=str(told.get("receipt", "")),
            is_acute=told.get("urgency") == "acuut",
            explanation=asking.explanation(str(told.get("explanation", ""))),
            safety_tip=asking.words.of("type", asking.kind.code, "tip", dutch=str(told.get("safetyTip", ""))),
            has_mail=bool(asking.filled.text("mail").strip()),
            draft=draft,
            is_draft_open=is_draft_open,
        )

    async def _left_draft(self, request: Request, visitor: Visitor, draft: str) -> bool:
        """Destroy our half of the draft's key; whether that did not work, so that the page tells us again."""
        own_id = id_of(draft)
        if own_id is None:
            return False
        keys = self._site.front.draft_keys
        return not await keys.destroy_soon(visitor.municipality.code, own_id, address_of(request))

    def unsent(
        self, request: Request, visitor: Visitor, form: FormData, known: Asking | Filled, error: AppError
    ) -> Response:
        """Nothing is lost: everything is shown and carried along, with the same key."""
        filled = known.filled if isinstance(known, Asking) else known
        step = str(form.get("step", ""))
        return self._site.page(
            request,
            visitor,
            "report/unsent.html",
            status=error.status if error.status in {429, 504} else 503,
            headers={"Retry-After": "5", **error.headers},
            filled=filled,
            step=step if step in {"send", "check", "next"} else "ask",
            said=said_in(known) if isinstance(known, Asking) else [],
        )

    def words(self, request: Request) -> Words:
        """The texts in the visitor's language."""
        return Words(self._site.renderer.catalogues[self._site.language(request)])
