"""What the notifier remembers: mailboxes, notices, questions and deliveries."""

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any
from uuid import UUID

from common.coarse import CoarseTime
from common.contracts.casework import NoticeDue, QuestionAsked, WorkArrived
from common.contracts.gateway import MunicipalityConfigured
from common.contracts.intake import MailboxOpened
from sqlalchemy import RowMapping, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.ext.asyncio import AsyncConnection

from notifier.domain import SETTLE_SECONDS, Next


async def keep_municipality(connection: AsyncConnection, event: MunicipalityConfigured) -> None:
    """Replace name and department addresses unless a version as high is known."""
    await connection.execute(
        text(
            """INSERT INTO municipality_state AS s (municipality, version, display_name, department_mails)
               VALUES (:municipality, :version, :display_name, CAST(:mails AS jsonb))
               ON CONFLICT (municipality) DO UPDATE SET version = excluded.version,
                   display_name = excluded.display_name, department_mails = excluded.department_mails
               WHERE s.version < excluded.version"""
        ),
        {
            "municipality": event.municipality,
            "version": event.version,
            "display_name": event.display_name,
            "mails": json.dumps({each.code: each.mail for each in event.departments if each.mail}),
        },
    )


async def add_mailboxes(connection: AsyncConnection, events: Sequence[MailboxOpened]) -> None:
    """Open mailboxes; a known one stays as it is."""
    await connection.execute(
        text(
            """INSERT INTO mailbox (municipality, reporter_handle, lookup_id, language, sealed_address,
                   signer_pin, verify_key)
               SELECT * FROM unnest(CAST(:municipalities AS text[]), CAST(:handles AS uuid[]),
                   CAST(:lookups AS text[]), CAST(:languages AS text[]), CAST(:addresses AS text[]),
                   CAST(:pins AS text[]), CAST(:verify_keys AS text[]))
               ON CONFLICT DO NOTHING"""
        ),
        {
            "municipalities": [event.municipality for event in events],
            "handles": [event.reporter_handle for event in events],
            "lookups": [event.lookup_id for event in events],
            "languages": [event.language for event in events],
            "addresses": [event.sealed_address for event in events],
            "pins": [event.signer_pin for event in events],
            "verify_keys": [event.verify_key for event in events],
        },
    )


async def add_notices(connection: AsyncConnection, events: Sequence[NoticeDue]) -> None:
    """Keep notices; a known one stays as it is."""
    await connection.execute(
        text(
            """INSERT INTO notice (municipality, reporter_handle, version, feedback, at)
               SELECT * FROM unnest(CAST(:municipalities AS text[]), CAST(:handles AS uuid[]),
                   CAST(:versions AS integer[]), CAST(:feedbacks AS text[]), CAST(:times AS timestamptz[]))
               ON CONFLICT DO NOTHING"""
        ),
        {
            "municipalities": [event.municipality for event in events],
            "handles": [event.reporter_handle for event in events],
            "versions": [event.version for event in events],
            "feedbacks": [event.feedback.value for event in events],
            "times": [event.due_at for event in events],
        },
    )


#: When the mails of a quarter of an hour leave: drawn by the first, shared by all others of the municipality.
#: Of `wanted` with its municipality and `quarter_at`; nothing is drawn for what leaves at once.
_DRAWN = """
    INSERT INTO mail_round AS r (municipality, quarter_at, leaves_at)
    SELECT DISTINCT w.municipality, w.quarter_at,
           w.quarter_at + interval '15 minutes' + make_interval(secs => :second)
    FROM wanted w
    WHERE CAST(:second AS integer) IS NOT NULL
      AND NOT EXISTS (SELECT FROM mail_round k
                      WHERE k.municipality = w.municipality AND k.quarter_at = w.quarter_at)
    ORDER BY 1, 2
    ON CONFLICT (municipality, quarter_at) DO UPDATE SET leaves_at = r.leaves_at
    RETURNING r.*
"""
_LEAVES_AT = """
    CASE WHEN CAST(:second AS integer) IS NULL THEN coarse_now() ELSE coalesce(
        (SELECT d.leaves_at FROM drawn d
         WHERE d.municipality = w.municipality AND d.quarter_at = w.quarter_at),
        (SELECT k.leaves_at FROM mail_round k
         WHERE k.municipality = w.municipality AND k.quarter_at = w.quarter_at)) END
"""


async def queue_notices(
    connection: AsyncConnection, reporters: Iterable[tuple[str, UUID]], second: int | None
) -> None:
    """Queue a delivery for each notice of these reporters who left an address; each notice once.

    Reporters are (municipality, handle): without the municipality every notice there is would be looked at.
    It leaves in the round of the quarter of an hour that the notice tells, at this `second` of the next one
    unless another was drawn before; None: at once.
    """
    told = sorted(set(reporters))
    if not told:
        return
    # The address is asked for in a subquery, so that each mailbox is looked up by its key: on a table that is
    # new and unmeasured, a join reads all of them, and that plan is kept.
    await connection.execute(
        text(
            f"""WITH wanted AS (
                   SELECT municipality, reporter_handle, n.version, n.feedback, n.at AS quarter_at
                   FROM unnest(CAST(:municipalities AS text[]), CAST(:handles AS uuid[]))
                        AS told (municipality, reporter_handle)
                   JOIN notice n USING (municipality, reporter_handle)
                   WHERE (SELECT m.sealed_address IS NOT NULL FROM mailbox m
                          WHERE m.municipality = told.municipality
                            AND m.reporter_handle = told.reporter_handle)
               ), drawn AS ({_DRAWN})
               INSERT INTO delivery
                   (municipality, template, reporter_handle, notice_version, created_at, due_at)
               SELECT w.municipality, w.feedback, w.reporter_handle, w.version, w.quarter_at, {_LEAVES_AT}
               FROM wanted w
               ON CONFLICT DO NOTHING"""  # noqa: S608 -- made of the constants above only
        ),
        {
            "second": second,
            "municipalities": [municipality for municipality, _ in told],
            "handles": [handle for _, handle in told],
        },
    )


async def add_questions(connection: AsyncConnection, events: Sequence[QuestionAsked]) -> None:
    """Keep sealed questions; a known one stays as it is."""
    if not events:
        return
    await connection.execute(
        text(
            """INSERT INTO question (municipality, id, reporter_handle, sealed_question, digest, reply_key_id,
                   reply_key_group, reply_public_key, reply_key_signature, signers, asked_at)
               VALUES (:municipality, :id, :handle, :sealed, :digest, :key_id, :key_group, :public_key,
                   :signature, CAST(:signers AS jsonb), :asked_at)
               ON CONFLICT DO NOTHING"""
        ),
        [
            {
                "municipality": event.municipality,
                "id": event.question_id,
                "handle": event.reporter_handle,
                "sealed": event.sealed_question,
                "digest": event.digest,
                "key_id": event.reply_key_id,
                "key_group": event.reply_key_group,
                "public_key": event.reply_public_key,
                "signature": event.reply_key_signature,
                "signers": json.dumps([each.model_dump(by_alias=True) for each in event.signers]),
                "asked_at": event.asked_at,
            }
            for event in events
        ],
    )


async def known_municipalities(connection: AsyncConnection, codes: Iterable[str]) -> frozenset[str]:
    """Which of these municipalities have been configured."""
    rows = await connection.execute(
        text("SELECT municipality FROM municipality_state WHERE municipality = ANY(:codes)"),
        {"codes": sorted(codes)},
    )
    return frozenset(rows.scalars())


async def queue_work(connection: AsyncConnection, events: Sequence[WorkArrived], second: int | None) -> None:
    """Queue a mail to each department that has an address; what waits of the same quarter grows instead.

    It leaves as notices do; about acute work as early after the quarter as a round may: that tells no more.
    """
    counts: dict[tuple[str, str, str, CoarseTime], int] = {}
    for event in events:
        key = (event.municipality, event.department, event.urgency.value, event.arrived_at)
        counts[key] = counts.get(key, 0) + event.count
    await connection.execute(
        text(
            f"""WITH wanted AS (
                   SELECT g.* FROM unnest(CAST(:municipalities AS text[]), CAST(:departments AS text[]),
                               CAST(:urgencies AS text[]), CAST(:quarters AS timestamptz[]),
                               CAST(:counts AS integer[]))
                        AS g (municipality, department, urgency, quarter_at, count)
                   JOIN municipality_state s ON s.municipality = g.municipality
                        AND s.department_mails ? g.department
               ), drawn AS ({_DRAWN})
               INSERT INTO delivery AS d
                   (municipality, template, department, urgency, count, created_at, due_at)
               SELECT w.municipality, 'work-arrived', w.department, w.urgency, w.count, w.quarter_at,
                      CASE WHEN w.urgency = 'acuut' AND CAST(:second AS integer) IS NOT NULL
                           THEN w.quarter_at + interval '15 minutes' + make_interval(secs => :settle)
                           ELSE {_LEAVES_AT} END
               FROM wanted w
               ON CONFLICT (municipality, department, urgency, created_at)
                   WHERE state = 'queued' AND NOT was_claimed AND department IS NOT NULL
               DO UPDATE SET count = d.count + excluded.count"""  # noqa: S608 -- constants
        ),
        {
            "settle": SETTLE_SECONDS,
            "second": second,
            "municipalities": [key[0] for key in sorted(counts)],
            "departments": [key[1] for key in sorted(counts)],
            "urgencies": [key[2] for key in sorted(counts)],
            "quarters": [key[3] for key in sorted(counts)],
            "counts": [counts[key] for key in sorted(counts)],
        },
    )


async def erase_reporter(connection: AsyncConnection, municipality: str, handle: UUID) -> list[UUID]:
    """Delete everything of a reporter; returns the ids of the questions that went."""
    arguments = {"municipality": municipality, "handle": handle}
    where = "WHERE municipality = :municipality AND reporter_handle = :handle"
    # In the order in which the post writes, of which each waits for the other otherwise.
    await connection.execute(text(f"SELECT 1 FROM delivery {where} ORDER BY id FOR UPDATE"), arguments)  # noqa: S608
    rows = await connection.execute(text(f"DELETE FROM question {where} RETURNING id"), arguments)  # noqa: S608
    for table in ("mailbox", "notice", "delivery"):
        await connection.execute(text(f"DELETE FROM {table} {where}"), arguments)  # noqa: S608
    return list(rows.scalars())


async def claim_deliveries(connection: AsyncConnection, limit: int, lease: float) -> Sequence[RowMapping]:
    """Take due deliveries for one attempt, counted before it is made, with all that a mail needs.

    Those of a round come in an order that is drawn (from strong random bits) and kept nowhere: no row tells
    which of the mails in a mail server's log was its own. They fall due again after `lease` seconds, should
    this process die.
    """
    rows = await connection.execute(
        text(
            """WITH due AS (
                   SELECT municipality, id FROM delivery WHERE state = 'queued' AND due_at <= now()
                   ORDER BY due_at, gen_random_uuid() LIMIT :limit FOR UPDATE SKIP LOCKED
               ), claimed AS (
                   UPDATE delivery d SET attempts = attempts + 1, was_claimed = true,
                       message_id = coalesce(message_id, gen_random_uuid()),
                       due_at = now() + make_interval(secs => :lease)
                   FROM due WHERE d.municipality = due.municipality AND d.id = due.id RETURNING d.*
               )
               SELECT c.*, m.language, m.sealed_address, s.display_name,
                      s.department_mails ->> c.department AS department_mail
               FROM claimed c
               LEFT JOIN mailbox m USING (municipality, reporter_handle)
               LEFT JOIN municipality_state s USING (municipality)
               ORDER BY gen_random_uuid()"""
        ),
        {"limit": limit, "lease": lease},
    )
    return [row._mapping for row in rows]


async def forget_rounds(connection: AsyncConnection) -> None:
    """When mails left is of no use afterwards; a day is for those that were late."""
    await connection.execute(text("DELETE FROM mail_round WHERE leaves_at < now() - interval '1 day'"))


async def keep_claims(connection: AsyncConnection, claims: Sequence[RowMapping], lease: float) -> None:
    """Hold claimed deliveries for another `lease` seconds; what went or is another's by now stays as it is.

    They are written in the order of their ids, which is not that of their mails.
    """
    await connection.execute(
        text(
            """WITH ours AS (
                   SELECT d.municipality, d.id FROM delivery d
                   JOIN unnest(CAST(:municipalities AS text[]), CAST(:ids AS uuid[]),
                               CAST(:attempts AS integer[]))
                        AS c (municipality, id, attempts) USING (municipality, id, attempts)
                   WHERE d.state = 'queued' ORDER BY d.id FOR UPDATE OF d SKIP LOCKED
               )
               UPDATE delivery d SET due_at = now() + make_interval(secs => :lease)
               FROM ours WHERE d.municipality = ours.municipality AND d.id = ours.id"""
        ),
        {
            "lease": lease,
            "municipalities": [each["municipality"] for each in claims],
            "ids": [each["id"] for each in claims],
            "attempts": [each["attempts"] for each in claims],
        },
    )


_IS_OURS = "municipality = :municipality AND id = :id AND attempts = :attempt AND state = 'queued'"


async def hold_claim(connection: AsyncConnection, claim: RowMapping) -> bool:
    """Let nobody erase or take a claimed delivery in the caller's transaction; False when it went."""
    row = await connection.execute(
        # Not an update: no reader of its keys waits for a lock.
        text(f"SELECT 1 FROM delivery WHERE {_IS_OURS} FOR UPDATE"),  # noqa: S608 -- a constant
        _identity(claim),
    )
    return row.first() is not None


async def end_attempt(
    connection: AsyncConnection, claim: RowMapping, following: Next, error: str | None
) -> bool:
    """Write how an attempt ended; False when the delivery went away or another attempt began meanwhile.

    What has ended is no more known by what its mail server saw of it.
    """
    row = await connection.execute(
        text(
            f"""UPDATE delivery SET state = :state, attempts = :attempts, due_at = :due_at,
                   ended_at = :ended_at, error = :error,
                   message_id = CASE WHEN :state = 'queued' THEN message_id END
               WHERE {_IS_OURS}
               RETURNING 1"""  # noqa: S608 -- a constant
        ),
        _identity(claim)
        | {
            "state": following.state,
            "attempts": following.attempts,
            "due_at": following.due_at,
            "ended_at": following.ended_at,
            "error": error,
        },
    )
    return row.first() is not None


def _identity(claim: RowMapping) -> dict[str, Any]:
    return {"municipality": claim["municipality"], "id": claim["id"], "attempt": claim["attempts"]}


async def find_mailbox(connection: AsyncConnection, lookup_id: str) -> RowMapping | None:
    """The mailbox behind a look-up id, within the municipality."""
    row = await connection.execute(
        text(
            "SELECT reporter_handle, language, signer_pin, verify_key FROM mailbox WHERE lookup_id = :lookup"
        ),
        {"lookup": lookup_id},
    )
    found = row.first()
    return found._mapping if found else None


async def notices_of(connection: AsyncConnection, handle: UUID) -> Sequence[RowMapping]:
    """A reporter's notices, oldest first."""
    rows = await connection.execute(
        text("SELECT version, feedback, at FROM notice WHERE reporter_handle = :handle ORDER BY version"),
        {"handle": handle},
    )
    return [row._mapping for row in rows]


async def questions_of(connection: AsyncConnection, handle: UUID) -> Sequence[RowMapping]:
    """A reporter's questions, oldest first, with how often and when last they were answered."""
    rows = await connection.execute(
        text(
            """SELECT q.*, r.replies, r.replied_at FROM question q, LATERAL (
                   SELECT count(*) AS replies, max(given_at) AS replied_at FROM reply p
                   WHERE p.municipality = q.municipality AND p.question_id = q.id) r
               WHERE q.reporter_handle = :handle ORDER BY q.asked_at, q.id"""
        ).columns(signers=JSONB),
        {"handle": handle},
    )
    return [row._mapping for row in rows]


async def add_reply(
    connection: AsyncConnection, municipality: str, question_id: UUID, reply_id: UUID, given_at: CoarseTime
) -> bool:
    """Note that a question was answered; False when this reply is known. What it says is not kept here."""
    row = await connection.execute(
        text(
            """INSERT INTO reply (municipality, id, question_id, given_at)
               VALUES (:municipality, :id, :question_id, :given_at) ON CONFLICT DO NOTHING RETURNING 1"""
        ),
        {"municipality": municipality, "id": reply_id, "question_id": question_id, "given_at": given_at},
    )
    return row.first() is not None


async def list_deliveries(
    connection: AsyncConnection, state: str | None, limit: int
) -> Sequence[Mapping[str, Any]]:
    """The newest deliveries, without handle or address; those of a round once it has left.

    A row that showed when it is made would tell at which moment a report came.
    """
    rows = await connection.execute(
        text(
            """SELECT id, template, department, urgency, count, state, attempts, due_at, error, created_at,
                      ended_at
               FROM delivery WHERE (CAST(:state AS text) IS NULL OR state = :state)
                   AND (state <> 'queued' OR was_claimed)
               ORDER BY created_at DESC, id LIMIT :limit"""
        ),
        {"state": state, "limit": limit},
    )
    return [dict(row._mapping) for row in rows]


async def restart_delivery(connection: AsyncConnection, delivery_id: UUID) -> bool:
    """Let a failed delivery begin anew; False when there is no such failed delivery."""
    row = await connection.execute(
        text(
            """UPDATE delivery SET state = 'queued', attempts = 0, due_at = now(), error = NULL,
                   ended_at = NULL
               WHERE id = :id AND state = 'failed' AND reporter_handle IS NOT NULL RETURNING 1"""
        ),
        {"id": delivery_id},
    )
    return row.first() is not None
