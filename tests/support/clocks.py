"""Which columns of a database may tell a fine moment or an order, and for which reason."""

import asyncpg
from common.flow import SERVICES

_IN_FLIGHT = {
    "outbox.due_at": "coarse unless the broker refused it; the row goes when it is sent",
    "outbox.sent_at": "written by an older version only, whose rows are swept at once",
    "waiting.due_at": "coarse for a first try and after long pauses; the message is in flight still",
}
_STAFF = "of a member of staff or a key, beside no report"
_SESSION = (
    "beside no report, and gone when it ends; where only who signed in may report, it tells of the visit"
)
_FORMS = "of an administrator's work on forms, beside a coarse time"

#: Column → why it may be finer. A new one needs a reason that holds for a thief of all five databases.
ALLOWED: dict[str, dict[str, str]] = {
    "intake": {
        **_IN_FLIGHT,
        **dict.fromkeys(
            ("invitation.expires_at", "invitation.created_at", "invitation.revoked_at"),
            "of an administrator's work on invitations; that one was used has no time",
        ),
        "uses_shown.next_at": "drawn for a whole week and all codes; beside no use",
    },
    "casework": _IN_FLIGHT,
    "notifier": {
        **_IN_FLIGHT,
        "delivery.due_at": "the moment of its round, or of a later try: drawn, whenever its notice came",
        "mail_round.leaves_at": "drawn for a whole quarter of an hour",
    },
    "reporting": {**_IN_FLIGHT, "export_audit.started_at": "of who took a CSV, beside no single report"},
    "gateway": {
        **_IN_FLIGHT,
        "municipality.configured_at": "of an administrator's work",
        **dict.fromkeys(
            (
                "api_key.created_at",
                "api_key.expires_at",
                "api_key.revoked_at",
                "vault_opening.opened_at",
            ),
            _STAFF,
        ),
        **dict.fromkeys(("session.created_at", "session.expires_at", "session.last_seen_at"), _SESSION),
    },
}

#: Numbers that grow → why nobody learns from them in which order reports came.
NUMBERS: dict[str, dict[str, str]] = {
    service: {"outbox.id": "the row goes when it is sent"} for service in SERVICES
}
NUMBERS["intake"]["form_audit.id"] = _FORMS
NUMBERS["gateway"]["vault_opening.id"] = _STAFF
NUMBERS["reporting"]["export_audit.id"] = "of who took a CSV"

#: What tells a moment or an order all the same → the words by which docs/threat-model.md admits it.
ADMITTED: dict[str, str] = {
    "the order of rows in the files and in a dump": "any dump (its rows come as",
    "the write-ahead log": "the moment of each commit in the write-ahead log",
    "bytes of what was erased": "what was erased, until its place is used again",
    "sessions, where only who signed in may report": "somebody signed in, which may be a reporter",
    "the work list, asked for again and again": "asks for the work list, or the figures, again and again",
    "the CSV, asked for again and again": "asks for the file again and again",
    "a code with few uses, tried by who made it": "who tries it again and again learns when it was used up",
    "the list of mails, by quarters": "how many mails of which kind left in it",
    "one mail made due alone": "makes one row due alone",
    "the reporter's own network, asking": "by its price and waits that somebody there asks for a challenge",
    "a pace or room that is filled": "by who fills it to its brim",
    "places that somebody holds": "that somebody else takes one, because the slow give way",
    "an offer to a partner who watches the queue": "who watches the queue sees when an offer comes",
}

_MOMENTS = """
    SELECT table_name, column_name FROM information_schema.columns
    WHERE table_schema = 'public' AND data_type ~ '^(timestamp|time)'
    ORDER BY 1, 2
"""
#: Columns that a constraint keeps to quarters of an hour, over every row that there is.
_COARSE = r"""
    SELECT c.conrelid::regclass::text AS table_name, a.attname AS column_name
    FROM pg_constraint c JOIN pg_attribute a ON a.attrelid = c.conrelid AND a.attnum = ALL (c.conkey)
    WHERE c.contype = 'c' AND c.convalidated AND array_length(c.conkey, 1) = 1
      AND pg_get_constraintdef(c.oid) = format('CHECK ((%1$s = coarse(%1$s)))', quote_ident(a.attname))
"""
#: Numbers that grow with time: which of two rows came first.
_NUMBERS = """
    SELECT table_name, column_name FROM information_schema.columns
    WHERE table_schema = 'public' AND (is_identity = 'YES' OR column_default ~ 'nextval')
"""
#: Ids that are made by the database and not by chance alone.
_IDS = """
    SELECT table_name, column_name FROM information_schema.columns
    WHERE table_schema = 'public' AND column_default ~ 'uuid' AND column_default <> 'gen_random_uuid()'
"""


async def fine_columns(database_url: str) -> set[str]:
    """Columns that may hold a moment finer than a quarter of an hour, as ``table.column``."""
    connection = await asyncpg.connect(database_url)
    try:
        moments, kept = await connection.fetch(_MOMENTS), await connection.fetch(_COARSE)
    finally:
        await connection.close()
    return _named(moments) - _named(kept)


async def counting_columns(database_url: str) -> set[str]:
    """Columns that tell which of two rows came first, as ``table.column``."""
    connection = await asyncpg.connect(database_url)
    try:
        return _named([*await connection.fetch(_NUMBERS), *await connection.fetch(_IDS)])
    finally:
        await connection.close()


def _named(rows: list[asyncpg.Record]) -> set[str]:
    return {f"{row['table_name']}.{row['column_name']}" for row in rows}
