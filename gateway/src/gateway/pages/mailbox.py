"""The reporter's mailbox behind the receipt: status, questions and replies."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

from common.contracts.gateway import GroupKey, Signer
from common.errors import NotFound, Unavailable
from common.questions import question_of
from common.receipt import Mailbox as Keys
from common.receipt import WrongReceipt, mailbox_of, parse_receipt, reply_id
from common.sealing import CannotOpen, Context, Recipient, decode, open_text, seal_content
from common.vouching import NotVouched, raise_alarm, reply_statement, require_pinned_key
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute

from gateway.front import CsrfMissing, Visitor
from gateway.pages.site import Site
from gateway.rendering import Event, Field, Problem

_LONGEST_REPLY = 2_000
_MAX_FORM_BYTES = 32 * 1024


def routes(site: Site) -> Sequence[BaseRoute]:
    """The mailbox; the receipt travels in the body, never in an address."""
    rooms = _Mailbox(site)
    return [site.route("mailbox", get=rooms.show, post=rooms.open)]


@dataclass(frozen=True)
class _Question:
    """A question as its reporter reads it."""

    id: str
    text: str
    asked_at: datetime
    replied_at: datetime | None
    is_pinned: bool  # whether a reply would be sealed to a key for which the municipality vouches


class _Mailbox:
    """The endpoints. With script the receipt stays in the browser and only its look-up id is sent.

    Without script this page derives the keys itself, in memory and for this one answer; it says so.
    """

    def __init__(self, site: Site) -> None:
        self._site = site

    async def show(self, request: Request, visitor: Visitor) -> Response:
        """Ask for the receipt."""
        return self._page(request, visitor)

    async def open(self, request: Request, visitor: Visitor) -> Response:
        """What is behind a receipt; and a reply, when one was written."""
        form = await self._site.form(request, max_bytes=_MAX_FORM_BYTES)
        try:
            self._site.refuse_forgery(request, visitor, form)
        except CsrfMissing:
            return self._page(request, visitor, problem="again", status=403)
        typed = str(form.get("receipt", ""))[:100]
        try:
            receipt = parse_receipt(typed)
        except WrongReceipt as error:
            return self._page(request, visitor, typed=typed, problem=f"wrong_{error}", status=400)
        keys = mailbox_of(receipt)
        found = await self._search(visitor, keys)
        if found is None:
            return self._page(request, visitor, typed=typed, problem="unknown", status=404)
        problem, is_sent = None, False
        if "question" in form:
            problem = await self._reply(visitor, keys, found, form)
            is_sent = problem is None
            found = (await self._search(visitor, keys)) or found
        return self._opened(request, visitor, receipt, keys, found, problem, is_sent=is_sent)

    def _page(
        self,
        request: Request,
        visitor: Visitor,
        *,
        typed: str = "",
        problem: str | None = None,
        status: int = 200,
    ) -> Response:
        error = str(self._site.text(request, f"mailbox.problem.{problem}")) if problem else None
        field = Field(
            "receipt",
            str(self._site.text(request, "mailbox.receipt")),
            hint=str(self._site.text(request, "mailbox.receipt_hint")),
            value=typed,
            is_required=True,
            autocomplete="off",
            error=error,
        )
        problems = (Problem(error, field.id),) if error else ()
        return self._site.page(
            request, visitor, "mailbox/ask.html", status=status, field_=field, problems=problems
        )

    def _opened(
        self,
        request: Request,
        visitor: Visitor,
        receipt: str,
        keys: Keys,
        found: Mapping[str, Any],
        problem: str | None,
        *,
        is_sent: bool,
    ) -> Response:
        in_dutch = self._site.language(request) == "nl"
        notices = [
            Event(
                notice["text"] if in_dutch else notice["textEn"],
                datetime.fromisoformat(notice["at"]),
                is_now=number == len(found["notices"]) - 1,
            )
            for number, notice in enumerate(found["notices"])
        ]
        return self._site.page(
            request,
            visitor,
            "mailbox/open.html",
            status=400 if problem else 200,
            receipt=receipt,
            notices=tuple(reversed(notices)),
            questions=self._questions(visitor, keys, found),
            longest=_LONGEST_REPLY,
            form_key=str(uuid4()),
            is_sent=is_sent,
            problems=(Problem(str(self._site.text(request, f"mailbox.problem.{problem}"))),)
            if problem
            else (),
        )

    def _questions(self, visitor: Visitor, keys: Keys, found: Mapping[str, Any]) -> tuple[_Question, ...]:
        opened = []
        for question in found["questions"]:
            plain = _text_of(visitor.municipality.code, keys, question)
            replied = question["repliedAt"]
            opened.append(
                _Question(
                    question["questionId"],
                    plain,
                    datetime.fromisoformat(question["askedAt"]),
                    datetime.fromisoformat(replied) if replied else None,
                    self._is_pinned(visitor, keys, found, question),
                )
            )
        return tuple(opened)

    def _is_pinned(
        self, visitor: Visitor, keys: Keys, found: Mapping[str, Any], question: Mapping[str, Any]
    ) -> bool:
        signers = [Signer.model_validate(each) for each in question["signers"]]
        key = GroupKey.model_validate(question["replyKey"])
        municipality = visitor.municipality.code
        try:
            require_pinned_key(municipality, key, signers, found["signerPin"], keys.pin_key)
        except NotVouched as error:
            raise_alarm("mailbox", municipality, str(error))
            return False
        return True

    async def _search(self, visitor: Visitor, keys: Keys) -> Mapping[str, Any] | None:
        status, told = await self._site.front.services.call(
            visitor.identity, "notifier", "POST", "/api/v1/mailboxes/_search", {"lookupId": keys.lookup_id}
        )
        if status == 404:
            return None
        if status != 200:
            raise Unavailable("The mailbox cannot be read now.")
        found: Mapping[str, Any] = told
        return found

    async def _reply(
        self, visitor: Visitor, keys: Keys, found: Mapping[str, Any], form: Mapping[str, Any]
    ) -> str | None:
        """Seal and send a reply; the key of the problem when it was not sent. Sent again it is the same."""
        question_id, written = str(form["question"]), str(form.get("reply", "")).strip()
        question = next((each for each in found["questions"] if each["questionId"] == question_id), None)
        if question is None:
            raise NotFound("There is no such question.")
        if not written:
            return "no_reply"
        if len(written) > _LONGEST_REPLY:
            return "long_reply"
        is_read = bool(_text_of(visitor.municipality.code, keys, question))
        if not (is_read and self._is_pinned(visitor, keys, found, question)):
            return "untrusted"
        key = question["replyKey"]
        sealed = seal_content(
            written.encode(),
            [Recipient(key["group"], key["keyId"], decode(key["publicKey"]))],
            municipality=visitor.municipality.code,
            compartment="reply",
            subject=str(UUID(question_id)),
        )
        own_id = str(reply_id(keys, UUID(question_id), str(form.get("form_key", ""))[:100], written))
        statement = reply_statement(visitor.municipality.code, str(UUID(question_id)), own_id, sealed)
        body = {
            "lookupId": keys.lookup_id,
            "questionId": question_id,
            "replyId": own_id,
            "sealedReply": sealed.model_dump(mode="json", by_alias=True),
            "signature": keys.signing.sign(statement),
        }
        status, _ = await self._site.front.services.call(
            visitor.identity, "notifier", "POST", "/api/v1/mailboxes/_reply", body
        )
        if status == 409:
            return "too_many"
        if status != 201:
            raise Unavailable("The reply was not sent.")
        return None


def _text_of(municipality: str, keys: Keys, question: Mapping[str, Any]) -> str:
    """The question in words; empty when it cannot be read, or is not the one that is on record."""
    context = Context(municipality, "question", question["questionId"], "reporter")
    try:
        said = open_text(decode(question["sealedQuestion"]), keys.private_key, context)
        return question_of(said, question["digest"])
    except NotVouched as error:
        raise_alarm("mailbox", municipality, str(error))
    except (CannotOpen, ValueError):
        pass
    return ""
