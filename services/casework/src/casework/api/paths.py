"""The paths of casework: the work list, one report, and what handlers do with it."""

from typing import Annotated, Any
from uuid import UUID

from common.contracts.codes import ErasureGround
from common.db import Database
from common.web import Caller
from fastapi import APIRouter, Query, Request, Response

from casework import actions, domain
from casework.actions.showing import summary_of
from casework.api import answers, bodies

router = APIRouter()


def _database(request: Request) -> Database:
    database: Database = request.app.state.database
    return database


@router.get("/api/v1/reports", response_model=answers.WorkList)
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


@router.get("/api/v1/reports/{report_id}", response_model=answers.ReportShown)
async def show_report(request: Request, caller: Caller, report_id: UUID) -> dict[str, Any]:
    """One report without what is sealed."""
    return await actions.show_report(_database(request), actions.worker_of(caller), report_id)


@router.get("/api/v1/reports/{report_id}/history", response_model=answers.History)
async def show_history(request: Request, caller: Caller, report_id: UUID) -> dict[str, Any]:
    """What happened to a report, oldest first."""
    return await actions.show_history(_database(request), actions.worker_of(caller), report_id)


@router.post("/api/v1/reports/{report_id}/takings", status_code=201, response_model=answers.ReportLine)
async def take_report(
    request: Request, caller: Caller, report_id: UUID, body: bodies.Versioned
) -> dict[str, Any]:
    """Take a report; 409 `already-taken` when a colleague was first."""
    database, worker = _database(request), actions.worker_of(caller)
    row = await actions.take_report(database, worker, report_id, body.version)
    return await summary_of(database, worker, row)


@router.post("/api/v1/reports/{report_id}/transitions", status_code=201, response_model=answers.ReportLine)
async def move_report(
    request: Request, caller: Caller, report_id: UUID, body: bodies.Transition
) -> dict[str, Any]:
    """Move a report along the transition table."""
    database, worker = _database(request), actions.worker_of(caller)
    row = await actions.move_report(database, worker, report_id, body.version, body.status.value)
    return await summary_of(database, worker, row)


@router.post(
    "/api/v1/reports/{report_id}/closings",
    status_code=201,
    response_model=answers.ReportLine | answers.ErasedReport,
)
async def close_report(
    request: Request, caller: Caller, report_id: UUID, body: bodies.Closing
) -> dict[str, Any]:
    """Close a report with a result; `incorrect` erases it everywhere.

    Of a report that was closed before, that takes a process manager who did not reopen it: 409
    `second-person`.
    """
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


@router.post("/api/v1/reports/{report_id}/reopenings", status_code=201, response_model=answers.ReportLine)
async def reopen_report(
    request: Request, caller: Caller, report_id: UUID, body: bodies.Versioned
) -> dict[str, Any]:
    """Open a closed report again: who had taken it, or the process manager; 409 `not-yours` for others."""
    database, worker = _database(request), actions.worker_of(caller)
    row = await actions.reopen_report(database, worker, report_id, body.version)
    return await summary_of(database, worker, row)


@router.post(
    "/api/v1/reports/{report_id}/openings",
    status_code=201,
    response_model=answers.OpeningShown,
    response_model_exclude_unset=True,
)
async def open_report(
    request: Request, caller: Caller, report_id: UUID, body: bodies.NewOpening
) -> dict[str, Any]:
    """Hand out what is sealed, after the opening is on record."""
    opening = await actions.open_report(
        _database(request), actions.worker_of(caller), report_id, body.purpose
    )
    return {"openingId": opening.id, "sealed": opening.sealed, "attachments": opening.attachments}


@router.post("/api/v1/reports/{report_id}/questions", status_code=201, response_model=answers.ReportLine)
async def ask_reporter(
    request: Request, caller: Caller, report_id: UUID, body: bodies.NewQuestion
) -> dict[str, Any]:
    """Ask the reporter something that only they can read."""
    database, worker = _database(request), actions.worker_of(caller)
    row = await actions.ask_reporter(
        database,
        worker,
        report_id,
        body.version,
        body.question_id,
        body.digest,
        body.sealed_question,
        body.sealed_copy.content(),
    )
    return await summary_of(database, worker, row)


@router.post("/api/v1/reports/{report_id}/notes", status_code=201, response_model=answers.NoteKept)
async def add_note(request: Request, caller: Caller, report_id: UUID, body: bodies.NewNote) -> dict[str, Any]:
    """Keep a note that was sealed in the browser."""
    worker = actions.worker_of(caller)
    await actions.add_note(_database(request), worker, report_id, body.note_id, body.sealed.content())
    return {"noteId": body.note_id}


@router.post("/api/v1/reports/{report_id}/corrections", status_code=201, response_model=answers.ReportLine)
async def correct_text(
    request: Request, caller: Caller, report_id: UUID, body: bodies.CorrectedText
) -> dict[str, Any]:
    """Overwrite the anonymised text with what a person made of it; counts travel on, the text does not."""
    database, worker = _database(request), actions.worker_of(caller)
    corrections = [(each.kind, each.personal_class) for each in body.corrections]
    row = await actions.correct_text(database, worker, report_id, body.version, body.text, corrections)
    return await summary_of(database, worker, row)


@router.post("/api/v1/reports/{report_id}/erasures", status_code=202, response_model=answers.Certificate)
async def erase_report(
    request: Request, caller: Caller, report_id: UUID, body: bodies.NewErasure
) -> dict[str, Any]:
    """Erase a report everywhere; the certificate completes as each service confirms."""
    certificate = await actions.erase_report(
        _database(request), caller, report_id, body.version, body.reason, ErasureGround(body.ground)
    )
    return _erasure_json(certificate)


@router.get("/api/v1/reports/{report_id}/erasures", response_model=answers.Certificate)
async def show_erasure(request: Request, caller: Caller, report_id: UUID) -> dict[str, Any]:
    """The certificate of an erasure."""
    return _erasure_json(await actions.show_erasure(_database(request), caller, report_id))


@router.get("/api/v1/results", response_model=answers.Results)
async def results(caller: Caller) -> dict[str, Any]:
    """The results with which a report can be closed."""
    actions.require_staff(caller)
    return {
        "results": [
            {"code": code, "name": dutch, "nameEn": english}
            for code, (dutch, english) in domain.RESULTS.items()
        ]
    }


@router.get("/api/v1/erasure-grounds", response_model=answers.ErasureGrounds)
async def erasure_grounds(caller: Caller) -> dict[str, Any]:
    """The grounds on which a report can be erased."""
    actions.require_staff(caller)
    return {
        "grounds": [
            {"code": code, "name": dutch, "nameEn": english}
            for code, (dutch, english) in domain.ERASURE_GROUNDS.items()
        ]
    }


@router.get("/api/v1/routing-rules", response_model=answers.RulesShown)
async def show_rules(request: Request, caller: Caller) -> dict[str, Any]:
    """The rules that bring a report to its department, in their order; a last one always catches."""
    return await actions.show_rules(_database(request), caller)


@router.put("/api/v1/routing-rules", response_model=answers.RulesShown)
async def change_rules(request: Request, caller: Caller, body: bodies.RulesGiven) -> dict[str, Any]:
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
        "groundName": domain.ERASURE_GROUNDS[row["ground"]][0],
        "groundNameEn": domain.ERASURE_GROUNDS[row["ground"]][1],
        "by": row["by_person"],
        "erasedAt": row["erased_at"],
        "confirmed": {
            service: row["confirmed"].get(service) for service in ("intake", "notifier", "reporting")
        },
    }
