"""The paths of the notifier: the reporter's mailbox, and deliveries for who watches over them."""

from typing import Annotated, Any, Literal
from uuid import UUID

from common.db import Database
from common.sealed_body import Sealed
from common.web import Caller, RequestModel
from fastapi import APIRouter, Query, Request
from pydantic import StringConstraints

from notifier import actions
from notifier.api import answers

router = APIRouter()

_LookupId = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]{22}$")]


class MailboxSearch(RequestModel):
    """The look-up id that the reporter's browser derives from the receipt."""

    lookup_id: _LookupId


class SealedReply(Sealed):
    """A reply is shorter than a report: with its wraps it must fit into one event."""

    ciphertext: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]+$", max_length=24 * 1024)]


class Reply(RequestModel):
    """A reply that only the municipality's browsers can open; its id is made by the reporter's browser."""

    lookup_id: _LookupId
    question_id: UUID
    reply_id: UUID
    sealed_reply: SealedReply
    signature: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]{86}$")]


def _database(request: Request) -> Database:
    database: Database = request.app.state.database
    return database


@router.post("/api/v1/mailboxes/_search", response_model=answers.MailboxShown)
async def search_mailbox(request: Request, caller: Caller, body: MailboxSearch) -> dict[str, Any]:
    """Notices and sealed questions behind a receipt."""
    return await actions.search_mailbox(_database(request), caller, body.lookup_id)


@router.post("/api/v1/mailboxes/_reply", status_code=201, response_model=answers.ReplyKept)
async def reply_to_question(request: Request, caller: Caller, body: Reply) -> dict[str, Any]:
    """Answer a question, signed with the key that the receipt gives; the same reply id twice is one reply."""
    sealed = body.sealed_reply.content()
    await actions.reply_to_question(
        _database(request), caller, body.lookup_id, body.question_id, body.reply_id, sealed, body.signature
    )
    return {"replyId": body.reply_id}


@router.get("/api/v1/deliveries", response_model=answers.Deliveries)
async def list_deliveries(
    request: Request,
    caller: Caller,
    state: Literal["queued", "sent", "failed"] | None = None,
    limit: Annotated[int, Query(ge=1, le=500)] = 100,
) -> dict[str, Any]:
    """The newest mails of rounds that left: state, attempts, error class; never an address."""
    rows = await actions.list_deliveries(_database(request), caller, state, limit)
    return {"deliveries": [_delivery_json(row) for row in rows]}


@router.post("/api/v1/deliveries/{delivery_id}/restarts", status_code=201, response_model=answers.Restarted)
async def restart_delivery(request: Request, caller: Caller, delivery_id: UUID) -> dict[str, Any]:
    """Try a failed mail to a reporter again from the start."""
    await actions.restart_delivery(_database(request), caller, delivery_id)
    return {"id": delivery_id, "state": "queued"}


def _delivery_json(row: Any) -> dict[str, Any]:  # noqa: ANN401 -- a row of the list
    return {
        "id": row["id"],
        "template": row["template"],
        "department": row["department"],
        "urgency": row["urgency"],
        "count": row["count"],
        "state": row["state"],
        "attempts": row["attempts"],
        "dueAt": row["due_at"],
        "error": row["error"],
        "createdAt": row["created_at"],
        "endedAt": row["ended_at"],
    }
