"""Casework's API: the work list, one report, and what handlers do with it."""

from datetime import UTC
from typing import Annotated, Any
from uuid import UUID

from common.contracts.codes import Code, Result, Status
from common.db import Database
from common.sealing import SealedContent
from common.web import Caller, RequestModel
from fastapi import APIRouter, Query, Request, Response
from pydantic import Field, StringConstraints

from casework import actions, domain
from casework.actions.showing import summary_of

router = APIRouter()

_MAX_SEALED = 48 * 1024
_Ciphertext = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]+$", max_length=24 * 1024)]
_Ground = Annotated[str, StringConstraints(strip_whitespace=True, min_length=3, max_length=200)]


class SealedWrap(RequestModel):
    """A content key, wrapped for one key group."""

    group: Code
    key_id: Annotated[str, StringConstraints(min_length=1, max_length=100)]
    wrapped_key: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]{80,200}$")]


class Sealed(RequestModel):
    """Content that was sealed in the browser; see docs/sealing.md."""

    version: Annotated[int, Field(ge=1, le=1)] = 1
    nonce: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]{16}$")]
    ciphertext: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]+$", max_length=_MAX_SEALED)]
    wraps: Annotated[list[SealedWrap], Field(min_length=1, max_length=8)]

    def content(self) -> SealedContent:
        """The same, as it is stored."""
        return SealedContent.model_validate(self.model_dump())


class Versioned(RequestModel):
    """The version of the report that the caller read."""

    version: Annotated[int, Field(ge=1)]


class Transition(Versioned):
    """Where the report should go."""

    status: Status


class NewNote(RequestModel):
    """A note; its id is made by the browser, so that a repeat is known."""

    note_id: UUID
    sealed: Sealed


class Closing(Versioned):
    """The result, and what it needs."""

    result: Result
    duplicate_of: UUID | None = None
    sealed_note: NewNote | None = None


class NewOpening(RequestModel):
    """Why the content is opened."""

    purpose: Annotated[str, StringConstraints(pattern="^(assessment|handling|reply|review|quality)$")]


class NewQuestion(Versioned):
    """A question sealed to the reporter, and a copy sealed to the municipality."""

    question_id: UUID
    sealed_question: _Ciphertext
    sealed_copy: Sealed


class NewErasure(Versioned):
    """Why a report must go."""

    reason: Annotated[
        str, StringConstraints(pattern="^(data-subject-request|found-incorrect|retention|other)$")
    ]
    ground: _Ground


class RuleGiven(RequestModel):
    """One routing rule: every condition must hold, each by one of its values."""

    name: Code
    department: Code
    when: Annotated[dict[str, Annotated[list[str], Field(min_length=1, max_length=100)]], Field(max_length=5)]


class RulesGiven(RequestModel):
    """All routing rules in their order, replacing this version."""

    version: Annotated[int, Field(ge=0)]
    rules: Annotated[list[RuleGiven], Field(max_length=500)]


def _database(request: Request) -> Database:
    database: Database = request.app.state.database
    return database


@router.get("/api/v1/reports")
async def list_reports(
    request: Request,
    response: Response,
    caller: Caller,
    status: str = "open",
    urgency: str | None = None,
    department: str | None = None,
    signal_type: Annotated[str | None, Query(alias="signalType")] = None,
    mine: bool = False,
    cursor: Annotated[str | None, Query(max_length=300)] = None,
    limit: Annotated[int, Query(ge=1, le=100)] = 50,
) -> dict[str, Any]:
    """The work list by urgency, due time and id; counts stop at 1,000."""
    filters = actions.Filters(status, urgency, department, signal_type, mine, cursor, limit)
    page = await actions.list_reports(_database(request), actions.worker_of(caller), filters)
    if page["next"]:
        url = request.url.include_query_params(cursor=page["next"])
        response.headers["Link"] = f'<{url.path}?{url.query}>; rel="next"'
    return page


@router.get("/api/v1/reports/{report_id}")
async def show_report(request: Request, caller: Caller, report_id: UUID) -> dict[str, Any]:
    """One report without what is sealed."""
    return await actions.show_report(_database(request), actions.worker_of(caller), report_id)


@router.get("/api/v1/reports/{report_id}/history")
async def show_history(request: Request, caller: Caller, report_id: UUID) -> dict[str, Any]:
    """What happened to a report, oldest first."""
    return await actions.show_history(_database(request), actions.worker_of(caller), report_id)


@router.post("/api/v1/reports/{report_id}/takings", status_code=201)
async def take_report(request: Request, caller: Caller, report_id: UUID, body: Versioned) -> dict[str, Any]:
    """Take a report; 409 `already-taken` when a colleague was first."""
    database, worker = _database(request), actions.worker_of(caller)
    row = await actions.take_report(database, worker, report_id, body.version)
    return await summary_of(database, worker, row)


@router.post("/api/v1/reports/{report_id}/transitions", status_code=201)
async def move_report(request: Request, caller: Caller, report_id: UUID, body: Transition) -> dict[str, Any]:
    """Move a report along the transition table."""
    database, worker = _database(request), actions.worker_of(caller)
    row = await actions.move_report(database, worker, report_id, body.version, body.status.value)
    return await summary_of(database, worker, row)


@router.post("/api/v1/reports/{report_id}/closings", status_code=201)
async def close_report(request: Request, caller: Caller, report_id: UUID, body: Closing) -> dict[str, Any]:
    """Close a report with a result; `incorrect` erases it everywhere."""
    database, worker = _database(request), actions.worker_of(caller)
    note = body.sealed_note
    row = await actions.close_report(
        database,
        worker,
        report_id,
        body.version,
        body.result,
        duplicate_of=body.duplicate_of,
        note=(note.note_id, note.sealed.content()) if note else None,
    )
    if row is None:
        return {"id": report_id, "isErased": True}
    return await summary_of(database, worker, row)


@router.post("/api/v1/reports/{report_id}/reopenings", status_code=201)
async def reopen_report(request: Request, caller: Caller, report_id: UUID, body: Versioned) -> dict[str, Any]:
    """Open a closed report again."""
    database, worker = _database(request), actions.worker_of(caller)
    row = await actions.reopen_report(database, worker, report_id, body.version)
    return await summary_of(database, worker, row)


@router.post("/api/v1/reports/{report_id}/openings", status_code=201)
async def open_report(request: Request, caller: Caller, report_id: UUID, body: NewOpening) -> dict[str, Any]:
    """Hand out what is sealed, after the opening is on record."""
    opening = await actions.open_report(
        _database(request), actions.worker_of(caller), report_id, body.purpose
    )
    return {"openingId": opening.id, "sealed": opening.sealed}


@router.post("/api/v1/reports/{report_id}/questions", status_code=201)
async def ask_reporter(
    request: Request, caller: Caller, report_id: UUID, body: NewQuestion
) -> dict[str, Any]:
    """Ask the reporter something that only they can read."""
    database, worker = _database(request), actions.worker_of(caller)
    row = await actions.ask_reporter(
        database,
        worker,
        report_id,
        body.version,
        body.question_id,
        body.sealed_question,
        body.sealed_copy.content(),
    )
    return await summary_of(database, worker, row)


@router.post("/api/v1/reports/{report_id}/notes", status_code=201)
async def add_note(request: Request, caller: Caller, report_id: UUID, body: NewNote) -> dict[str, Any]:
    """Keep a note that was sealed in the browser."""
    worker = actions.worker_of(caller)
    await actions.add_note(_database(request), worker, report_id, body.note_id, body.sealed.content())
    return {"noteId": body.note_id}


@router.post("/api/v1/reports/{report_id}/erasures", status_code=202)
async def erase_report(request: Request, caller: Caller, report_id: UUID, body: NewErasure) -> dict[str, Any]:
    """Erase a report everywhere; the certificate completes as each service confirms."""
    certificate = await actions.erase_report(
        _database(request), caller, report_id, body.version, body.reason, body.ground
    )
    return _erasure_json(certificate)


@router.get("/api/v1/reports/{report_id}/erasures")
async def show_erasure(request: Request, caller: Caller, report_id: UUID) -> dict[str, Any]:
    """The certificate of an erasure."""
    return _erasure_json(await actions.show_erasure(_database(request), caller, report_id))


@router.get("/api/v1/results")
async def results(caller: Caller) -> dict[str, Any]:
    """The results with which a report can be closed."""
    actions.require_staff(caller)
    return {
        "results": [
            {"code": code, "name": dutch, "nameEn": english}
            for code, (dutch, english) in domain.RESULTS.items()
        ]
    }


@router.get("/api/v1/routing-rules")
async def show_rules(request: Request, caller: Caller) -> dict[str, Any]:
    """The rules that bring a report to its department, in their order; a last one always catches."""
    return await actions.show_rules(_database(request), caller)


@router.put("/api/v1/routing-rules")
async def change_rules(request: Request, caller: Caller, body: RulesGiven) -> dict[str, Any]:
    """Replace the rules, for reports that come from now on."""
    rules = [
        domain.Rule(rule.name, rule.department, {name: tuple(values) for name, values in rule.when.items()})
        for rule in body.rules
    ]
    return await actions.change_rules(_database(request), caller, body.version, rules)


def _erasure_json(row: Any) -> dict[str, Any]:  # noqa: ANN401 -- a row of the certificate
    return {
        "reportId": row["report_id"],
        "reason": row["reason"],
        "ground": row["ground"],
        "erasedAt": row["erased_at"].astimezone(UTC),
        "confirmed": {
            service: row["confirmed"].get(service) for service in ("intake", "notifier", "reporting")
        },
    }
