"""What handlers are shown: the work list and one report, within their rights (web role)."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import RowMapping, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.ext.asyncio import AsyncConnection

#: Counts stop here, so that a work list costs the same at any size.
COUNT_LIMIT = 1000

_SUMMARY = """r.id, r.version, r.signal_type, r.urgency, r.urgency_rank, r.neighbourhood, r.department,
    r.status, r.received_at, r.due_at, r.is_restricted, r.taken_by, r.has_new_reply"""

_RIGHTS = "(:sees_all OR r.department = ANY(:departments)) AND (:sees_restricted OR NOT r.is_restricted)"


@dataclass(frozen=True)
class Sight:
    """Whose reports a person may see."""

    person: UUID | None
    departments: tuple[str, ...]  # of which the reports may be seen
    sees_all: bool
    sees_restricted: bool

    def arguments(self) -> dict[str, Any]:
        """The arguments of every statement that keeps to these rights."""
        return {
            "departments": list(self.departments),
            "sees_all": self.sees_all,
            "sees_restricted": self.sees_restricted,
        }


@dataclass(frozen=True)
class Wanted:
    """What a work list shows; None means: no limit."""

    status: str | None = None  # None: every open one
    urgency: str | None = None
    signal_type: str | None = None
    department: str | None = None
    taken_by: UUID | None = None
    after: tuple[int, datetime, UUID] | None = None
    limit: int = 50
    extra: dict[str, Any] = field(default_factory=dict)


async def list_reports(connection: AsyncConnection, sight: Sight, wanted: Wanted) -> Sequence[RowMapping]:
    """One page by urgency, due time and id, and one row more when there is a next page."""
    conditions, arguments = _conditions(wanted)
    order = "r.urgency_rank, r.due_at, r.id"
    rights = "(:sees_restricted OR NOT r.is_restricted)"
    where = " AND ".join([rights, *conditions])
    if sight.sees_all and wanted.department is None:
        statement = f"SELECT {_SUMMARY} FROM report r WHERE {where} ORDER BY {order} LIMIT :rows"  # noqa: S608
    else:
        # The first rows of each desk come from its own index; together they are few.
        statement = f"""SELECT r.* FROM unnest(CAST(:desks AS text[])) AS desk, LATERAL (
                            SELECT {_SUMMARY} FROM report r WHERE r.department = desk AND {where}
                            ORDER BY {order} LIMIT :rows) r
                        ORDER BY {order} LIMIT :rows"""  # noqa: S608 -- conditions are literals
        arguments["desks"] = _desks(sight, wanted)
    arguments |= {"sees_restricted": sight.sees_restricted, "rows": wanted.limit + 1}
    rows = await connection.execute(text(statement), arguments)
    return [row._mapping for row in rows]


def _desks(sight: Sight, wanted: Wanted) -> list[str]:
    if wanted.department is None:
        return list(sight.departments)
    may_see = sight.sees_all or wanted.department in sight.departments
    return [wanted.department] if may_see else []


def _conditions(wanted: Wanted) -> tuple[list[str], dict[str, Any]]:
    arguments: dict[str, Any] = {}
    conditions = []
    # Said as a literal too, so that the planner sees which of the partial indexes may serve.
    conditions.append("r.status = 'closed'" if wanted.status == "closed" else "r.status <> 'closed'")
    for name in ("status", "urgency", "signal_type", "taken_by"):
        value = getattr(wanted, name)
        if value is not None:
            conditions.append(f"r.{name} = :{name}")
            arguments[name] = value
    if wanted.after is not None:
        conditions.append("(r.urgency_rank, r.due_at, r.id) > (:after_rank, :after_due, :after_id)")
        arguments |= dict(zip(("after_rank", "after_due", "after_id"), wanted.after, strict=True))
    return conditions, arguments


async def count_reports(connection: AsyncConnection, sight: Sight, now: datetime) -> dict[str, int]:
    """How many are open, new, overdue and the person's own; each counted up to `COUNT_LIMIT`."""
    kinds = {
        "open": "r.status <> 'closed'",
        "new": "r.status = 'new'",
        "overdue": "r.status <> 'closed' AND r.due_at < :now",
        "mine": "r.status <> 'closed' AND r.taken_by = :person",
    }
    # With the desks in an OR no index on them helps, and a small desk would read every other's reports.
    desks = "true" if sight.sees_all else "r.department = ANY(:departments)"
    rights = f"{desks} AND (:sees_restricted OR NOT r.is_restricted)"
    counted = ", ".join(
        f"(SELECT count(*) FROM (SELECT FROM report r WHERE {rights} AND {condition}"  # noqa: S608
        f" LIMIT {COUNT_LIMIT}) AS counted) AS {kind}"
        for kind, condition in kinds.items()
    )
    arguments = {"sees_restricted": sight.sees_restricted, "now": now, "person": sight.person}
    if not sight.sees_all:
        arguments["departments"] = list(sight.departments)
    row = await connection.execute(text(f"SELECT {counted}"), arguments)
    return dict(row.one()._mapping)


async def read_report(
    connection: AsyncConnection, sight: Sight, report_id: UUID, *, lock: bool = False
) -> RowMapping | None:
    """Everything of a report but what is sealed; None when it is not there or not this person's to see."""
    row = await connection.execute(
        text(
            f"""SELECT r.* FROM report r WHERE r.id = :id AND {_RIGHTS}
                {"FOR UPDATE OF r" if lock else ""}"""  # noqa: S608 -- literals
        ).columns(choice_answers=JSONB, voucher=JSONB),
        {**sight.arguments(), "id": report_id},
    )
    found = row.first()
    return found._mapping if found else None


async def read_questions(connection: AsyncConnection, report_id: UUID) -> Sequence[RowMapping]:
    """The questions of a report with their replies' ids, oldest first."""
    rows = await connection.execute(
        text(
            """SELECT q.id, q.asked_at, q.asked_by,
                      coalesce(jsonb_agg(jsonb_build_object('replyId', p.id, 'givenAt', p.given_at)
                               ORDER BY p.given_at, p.id) FILTER (WHERE p.id IS NOT NULL), '[]') AS replies
               FROM question q LEFT JOIN reply p ON p.municipality = q.municipality AND p.question_id = q.id
               WHERE q.report_id = :report_id GROUP BY q.municipality, q.id
               ORDER BY (SELECT min(h.id) FROM history h WHERE h.municipality = q.municipality
                           AND h.report_id = q.report_id AND h.detail ->> 'questionId' = CAST(q.id AS text)),
                        q.asked_at, q.id"""
        ).columns(replies=JSONB),
        {"report_id": report_id},
    )
    return [row._mapping for row in rows]


async def read_notes(connection: AsyncConnection, report_id: UUID) -> Sequence[RowMapping]:
    """The ids of a report's notes, oldest first; what they say is sealed."""
    rows = await connection.execute(
        text(
            """SELECT s.subject AS id, s.by_person, s.at FROM sealed s
               WHERE s.report_id = :report_id AND s.compartment = 'note'
               ORDER BY (SELECT min(h.id) FROM history h WHERE h.municipality = s.municipality
                           AND h.report_id = s.report_id AND h.detail ->> 'noteId' = s.subject),
                        s.at, s.subject"""
        ),
        {"report_id": report_id},
    )
    return [row._mapping for row in rows]


async def read_attachments(connection: AsyncConnection, report_id: UUID) -> Sequence[RowMapping]:
    """What is known of a report's files in clear: id, media type and size, in the order of their ids."""
    rows = await connection.execute(
        text(
            """SELECT content FROM sealed
               WHERE report_id = :report_id AND compartment = 'attachment' ORDER BY subject"""
        ).columns(content=JSONB),
        {"report_id": report_id},
    )
    return [row._mapping for row in rows]


async def read_history(connection: AsyncConnection, report_id: UUID) -> Sequence[RowMapping]:
    """Everything that happened to a report, oldest first."""
    rows = await connection.execute(
        text(
            "SELECT version, at, by_person, what, detail FROM history WHERE report_id = :id ORDER BY id"
        ).columns(detail=JSONB),
        {"id": report_id},
    )
    return [row._mapping for row in rows]


async def read_reopeners(connection: AsyncConnection, report_id: UUID) -> frozenset[UUID | None]:
    """Who reopened a report, ever; None is among them when an answer of its reporter did."""
    rows = await connection.execute(
        text("SELECT by_person FROM history WHERE report_id = :id AND what = 'reopened'"), {"id": report_id}
    )
    return frozenset(rows.scalars())


async def has_wrap(connection: AsyncConnection, report_id: UUID, groups: frozenset[str]) -> bool:
    """Whether one of these key groups opens what was reported."""
    row = await connection.execute(
        text(
            """SELECT 1 FROM wrap
               WHERE report_id = :id AND compartment = 'content' AND key_group = ANY(:groups) LIMIT 1"""
        ),
        {"id": report_id, "groups": sorted(groups)},
    )
    return row.first() is not None


async def read_sealed(
    connection: AsyncConnection, report_id: UUID, groups: frozenset[str]
) -> Sequence[RowMapping]:
    """What is sealed in a report, identity apart, with the wraps for these key groups."""
    rows = await connection.execute(
        text(
            """SELECT s.compartment, s.subject, s.content, s.by_person, s.at,
                      coalesce(jsonb_agg(jsonb_build_object(
                          'group', w.key_group, 'keyId', w.key_id, 'wrappedKey', w.wrapped_key))
                          FILTER (WHERE w.key_id IS NOT NULL), '[]') AS wraps
               FROM sealed s LEFT JOIN wrap w
                    ON w.municipality = s.municipality AND w.report_id = s.report_id
                    AND w.compartment = s.compartment AND w.subject = s.subject AND w.key_group = ANY(:groups)
               WHERE s.report_id = :report_id AND s.compartment <> 'identity'
               GROUP BY s.municipality, s.report_id, s.compartment, s.subject
               ORDER BY s.at, s.compartment, s.subject"""
        ).columns(content=JSONB, wraps=JSONB),
        {"report_id": report_id, "groups": sorted(groups)},
    )
    return [row._mapping for row in rows]


async def reply_signatures(connection: AsyncConnection, report_id: UUID) -> dict[str, str]:
    """The reporter's signature of each reply, by its id."""
    rows = await connection.execute(
        text(
            """SELECT CAST(p.id AS text), p.signature FROM question q
               JOIN reply p ON p.municipality = q.municipality AND p.question_id = q.id
               WHERE q.report_id = :report_id"""
        ),
        {"report_id": report_id},
    )
    return {row[0]: row[1] for row in rows}


async def question_digests(connection: AsyncConnection, report_id: UUID) -> dict[str, str]:
    """The digest of each question, by its id; empty for one from before questions had it."""
    rows = await connection.execute(
        text("SELECT CAST(id AS text), digest FROM question WHERE report_id = :report_id"),
        {"report_id": report_id},
    )
    return {row[0]: row[1] for row in rows}


async def read_state(connection: AsyncConnection, table: str) -> str | None:
    """The municipality's `municipality_state` or `forms_state`, as text for `store.states`."""
    statement = f"SELECT CAST(state AS text) FROM {table}"  # noqa: S608 -- two literal names
    found: str | None = (await connection.execute(text(statement))).scalar()
    return found


async def read_rules(connection: AsyncConnection) -> RowMapping | None:
    """The municipality's own routing rules of the highest version; None when it has none."""
    row = await connection.execute(
        text("SELECT version, rules FROM routing_rules ORDER BY version DESC LIMIT 1").columns(rules=JSONB)
    )
    found = row.first()
    return found._mapping if found else None


async def read_erasure(connection: AsyncConnection, report_id: UUID) -> RowMapping | None:
    """The certificate of an erasure."""
    row = await connection.execute(
        text(
            """SELECT report_id, reason, ground, by_person, erased_at, confirmed
               FROM erasure WHERE report_id = :id"""
        ).columns(confirmed=JSONB),
        {"id": report_id},
    )
    found = row.first()
    return found._mapping if found else None
