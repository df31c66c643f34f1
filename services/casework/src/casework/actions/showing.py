"""The work list and one report, as the API gives them."""

import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from common.db import Database
from common.errors import FieldError, Malformed, NotFound
from sqlalchemy import RowMapping
from sqlalchemy.ext.asyncio import AsyncConnection

from casework import domain
from casework.actions.base import Worker, now_utc
from casework.actions.correcting import allows_text
from casework.actions.speaking import key_of
from casework.store import reports
from casework.store.reports import Wanted
from casework.store.states import forms_of

# A work list holds no due time outside these; close to the ends a time zone leads out of the calendar.
_EARLIEST, _LATEST = datetime(1900, 1, 1, tzinfo=UTC), datetime(9000, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Filters:
    """What a caller asks of the work list."""

    status: str = "open"
    urgency: str | None = None
    department: str | None = None
    signal_type: str | None = None
    mine: bool = False
    cursor: str | None = None
    limit: int = 50


async def list_reports(database: Database, worker: Worker, filters: Filters) -> dict[str, Any]:
    """One page of the work list, with the cursor of the next and the counts of the whole."""
    wanted = _wanted(worker, filters)
    now = now_utc()
    async with database.tenant(worker.municipality) as connection:
        rows = await reports.list_reports(connection, worker.sight, wanted)
        counts = await reports.count_reports(connection, worker.sight, now)
        names = await _names(connection)
    shown = rows[: wanted.limit]
    return {
        "reports": [summary_json(row, worker, names, now) for row in shown],
        "next": _cursor(shown[-1]) if len(rows) > wanted.limit else None,
        "counts": counts,
    }


async def show_report(database: Database, worker: Worker, report_id: UUID) -> dict[str, Any]:
    """Everything of a report that a server may know."""
    async with database.tenant(worker.municipality) as connection:
        row = await _visible(connection, worker, report_id)
        names = await _names(connection)
        questions = await reports.read_questions(connection, report_id)
        notes = await reports.read_notes(connection, report_id)
        attachments = await reports.read_attachments(connection, report_id)
        key = await key_of(connection, is_restricted=row["is_restricted"])
        text_in_clear = await allows_text(connection)
    return {
        **summary_json(row, worker, names, now_utc()),
        "channel": row["channel"],
        "reporterKind": row["reporter_kind"],
        "observedOn": row["observed_on"],
        "receivedElsewhereAt": row["received_elsewhere_at"],
        "choiceAnswers": row["choice_answers"],
        "formsVersion": row["forms_version"],
        "anonymisedText": row["anonymised_text"],
        "needsReview": row["needs_review"],
        "isTraceable": row["is_traceable"],
        "hasIdentity": row["has_identity"],
        "rule": row["rule"],
        "rulesVersion": row["rules_version"],
        "takenAt": row["taken_at"],
        "closedAt": row["closed_at"],
        "result": row["result"],
        "duplicateOf": row["duplicate_of"],
        **_permitted_json(row, worker),
        "textInClear": text_in_clear,
        "mayCorrect": text_in_clear and worker.decides_on(row),
        "reporterPublicKey": row["reporter_public_key"],
        "voucher": row["voucher"],
        "key": key.model_dump(mode="json", by_alias=True),
        "questions": [
            {
                "questionId": question["id"],
                "askedAt": question["asked_at"],
                "askedBy": question["asked_by"],
                "replies": question["replies"],
            }
            for question in questions
        ],
        "notes": [{"noteId": note["id"], "by": note["by_person"], "at": note["at"]} for note in notes],
        "attachments": [each["content"] for each in attachments],
    }


def _permitted_json(row: RowMapping, worker: Worker) -> dict[str, Any]:
    """What this person may do with the report as it stands."""
    status, mine = row["status"], worker.decides_on(row)
    is_open = status != domain.CLOSED
    return {
        "permittedStatuses": list(domain.TRANSITIONS[status]) if mine else [],
        "mayTake": is_open and worker.may_take(row),
        "mayClose": mine and domain.may_close(status),
        "mayReopen": mine and not is_open,
        "mayAsk": mine and domain.may_ask(status) and row["voucher"] is not None,
    }


async def show_history(database: Database, worker: Worker, report_id: UUID) -> dict[str, Any]:
    """What happened to a report, oldest first."""
    async with database.tenant(worker.municipality) as connection:
        await _visible(connection, worker, report_id)
        lines = await reports.read_history(connection, report_id)
    return {
        "history": [
            {
                "version": line["version"],
                "at": line["at"],
                "by": line["by_person"],
                "what": line["what"],
                **line["detail"],
            }
            for line in lines
        ]
    }


async def summary_of(database: Database, worker: Worker, row: RowMapping) -> dict[str, Any]:
    """A report as an action answers with it."""
    async with database.tenant(worker.municipality) as connection:
        names = await _names(connection)
    return summary_json(row, worker, names, now_utc())


def summary_json(row: RowMapping, worker: Worker, names: dict[str, str], now: datetime) -> dict[str, Any]:
    """A line of the work list."""
    return {
        "id": row["id"],
        "version": row["version"],
        "signalType": row["signal_type"],
        "signalTypeName": names.get(row["signal_type"], row["signal_type"]),
        "urgency": row["urgency"],
        "neighbourhood": row["neighbourhood"],
        "department": row["department"],
        "status": row["status"],
        "receivedAt": row["received_at"],
        "dueAt": row["due_at"],
        "isOverdue": row["status"] != domain.CLOSED and row["due_at"] < now,
        "isRestricted": row["is_restricted"],
        "takenBy": row["taken_by"],
        "isMine": row["taken_by"] == worker.person,
        "hasNewReply": row["has_new_reply"],
    }


async def _visible(connection: AsyncConnection, worker: Worker, report_id: UUID) -> RowMapping:
    row = await reports.read_report(connection, worker.sight, report_id)
    if row is None:
        raise NotFound("There is no such report among those that you may see.")
    return row


async def _names(connection: AsyncConnection) -> dict[str, str]:
    state = await reports.read_state(connection, "forms_state")
    if state is None:
        return {}
    return {kind.code: kind.name for kind in forms_of(state).signal_types}


def _wanted(worker: Worker, filters: Filters) -> Wanted:
    statuses = ("open", *domain.STATUSES)
    errors = []
    if filters.status not in statuses:
        errors.append(_not_permitted("query:status", statuses))
    if filters.urgency is not None and filters.urgency not in domain.URGENCIES:
        errors.append(_not_permitted("query:urgency", domain.URGENCIES))
    after = None
    if filters.cursor is not None:
        try:
            after = _read_cursor(filters.cursor)
        except ValueError:
            errors.append(
                FieldError(
                    "query:cursor",
                    "wrong-cursor",
                    "Gebruik de waarde van 'next' zoals die kwam.",
                    "Use the value of 'next' as it came.",
                )
            )
    if errors:
        raise Malformed("Some filters are not valid.", errors=errors)
    return Wanted(
        status=None if filters.status == "open" else filters.status,
        urgency=filters.urgency,
        signal_type=filters.signal_type,
        department=filters.department,
        taken_by=worker.person if filters.mine else None,
        after=after,
        limit=filters.limit,
    )


def _not_permitted(pointer: str, permitted: tuple[str, ...]) -> FieldError:
    listed = ", ".join(permitted)
    return FieldError(pointer, "not-permitted", f"Kies een van: {listed}.", f"Choose one of: {listed}.")


def _cursor(row: RowMapping) -> str:
    place = [row["urgency_rank"], row["due_at"].isoformat(), str(row["id"])]
    return urlsafe_b64encode(json.dumps(place).encode()).rstrip(b"=").decode()


def _read_cursor(text: str) -> tuple[int, datetime, UUID]:
    """The place that `_cursor` wrote; raises ValueError for anything else."""
    place = json.loads(urlsafe_b64decode(text + "=" * (-len(text) % 4)))
    match place:
        case [int(rank), str(due), str(own_id)] if rank in range(len(domain.URGENCIES)):
            moment = datetime.fromisoformat(due)
            if moment.tzinfo is None or not _EARLIEST < moment.replace(tzinfo=UTC) < _LATEST:
                raise ValueError("no moment of a report")
            return rank, moment, UUID(own_id)
    raise ValueError("no place in a work list")
