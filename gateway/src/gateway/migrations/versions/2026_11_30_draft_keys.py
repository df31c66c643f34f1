"""Half of the key of a draft that a reporter's browser keeps, for a day at most."""

from alembic import op
from common.migration import allow_flow, allow_web, run_script

revision = "2026_11_30_draft_keys"
down_revision = "2026_11_30_speakers_apart"


def upgrade() -> None:
    """A table outside the write-ahead log, so that no replica or backup keeps a half that was destroyed.

    The price: it is empty after a crash of the server, and drafts of that day cannot be opened. It is
    vacuumed early, because a deleted row stands in its page until then.
    """
    run_script(
        op,
        """
        CREATE UNLOGGED TABLE draft_key (
            municipality text NOT NULL REFERENCES municipality,
            id bytea NOT NULL,
            half bytea NOT NULL,
            due_at timestamptz NOT NULL,
            PRIMARY KEY (municipality, id),
            CONSTRAINT ck_draft_key_id CHECK (length(id) = 16),
            CONSTRAINT ck_draft_key_half CHECK (length(half) = 32)
        ) WITH (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 20);
        CREATE INDEX ix_draft_key_due ON draft_key (due_at);
        """,
    )
    allow_web(op, "gateway", "draft_key", "SELECT, INSERT, DELETE")
    allow_flow(op, "gateway", ("draft_key",), "SELECT (due_at), DELETE")
