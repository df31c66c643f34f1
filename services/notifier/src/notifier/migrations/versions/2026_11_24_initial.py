"""The tables of the notifier."""

from alembic import op
from common.migration import allow_flow, allow_web, create_messaging_tables, run_script

revision = "2026_11_24_initial"
down_revision = None

_STATE = """
    CREATE TABLE municipality_state (
        municipality text PRIMARY KEY,
        version bigint NOT NULL,
        display_name text NOT NULL,
        department_mails jsonb NOT NULL
    );
"""

# A notice may come before its mailbox; neither points at the other.
_MAILBOX = """
    CREATE TABLE mailbox (
        municipality text NOT NULL,
        reporter_handle uuid NOT NULL,
        lookup_id text NOT NULL,
        language text NOT NULL,
        sealed_address text,
        CONSTRAINT pk_mailbox PRIMARY KEY (municipality, reporter_handle),
        CONSTRAINT uq_mailbox_lookup UNIQUE (municipality, lookup_id)
    );
    CREATE TABLE notice (
        municipality text NOT NULL,
        reporter_handle uuid NOT NULL,
        version integer NOT NULL,
        feedback text NOT NULL,
        at timestamptz NOT NULL,
        CONSTRAINT pk_notice PRIMARY KEY (municipality, reporter_handle, version)
    );
    CREATE TABLE question (
        municipality text NOT NULL,
        id uuid NOT NULL,
        reporter_handle uuid NOT NULL,
        sealed_question text NOT NULL,
        reply_key_id text NOT NULL,
        reply_key_group text NOT NULL,
        reply_public_key text NOT NULL,
        asked_at timestamptz NOT NULL,
        CONSTRAINT pk_question PRIMARY KEY (municipality, id)
    );
    CREATE INDEX ix_question_handle ON question (municipality, reporter_handle);
    CREATE TABLE reply (
        municipality text NOT NULL,
        id uuid NOT NULL,
        question_id uuid NOT NULL,
        given_at timestamptz NOT NULL DEFAULT now(),
        CONSTRAINT pk_reply PRIMARY KEY (municipality, id),
        CONSTRAINT fk_reply_question FOREIGN KEY (municipality, question_id)
            REFERENCES question (municipality, id) ON DELETE CASCADE
    );
    CREATE INDEX ix_reply_question ON reply (municipality, question_id);
"""

# To a reporter (handle) or to a department; the address itself is never stored in clear.
_DELIVERY = """
    CREATE TABLE delivery (
        municipality text NOT NULL,
        id uuid NOT NULL DEFAULT gen_random_uuid(),
        template text NOT NULL,
        reporter_handle uuid,
        notice_version integer,
        department text,
        urgency text,
        count integer NOT NULL DEFAULT 1,
        state text NOT NULL DEFAULT 'queued',
        attempts integer NOT NULL DEFAULT 0,
        was_claimed boolean NOT NULL DEFAULT false,  -- what was claimed grows no more
        due_at timestamptz NOT NULL DEFAULT now(),
        error text,
        created_at timestamptz NOT NULL DEFAULT now(),
        ended_at timestamptz,
        CONSTRAINT pk_delivery PRIMARY KEY (municipality, id),
        CONSTRAINT ck_delivery_to_one CHECK ((reporter_handle IS NULL) <> (department IS NULL)),
        CONSTRAINT ck_delivery_state CHECK (state IN ('queued', 'sent', 'failed')),
        CONSTRAINT uq_delivery_notice UNIQUE (municipality, reporter_handle, notice_version)
    );
    CREATE INDEX ix_delivery_due ON delivery (due_at) WHERE state = 'queued';
    CREATE INDEX ix_delivery_state ON delivery (municipality, state, created_at);
    CREATE UNIQUE INDEX uq_delivery_fresh ON delivery (municipality, department, urgency)
        WHERE state = 'queued' AND NOT was_claimed AND department IS NOT NULL;
"""


def upgrade() -> None:
    """Make every table with its rights."""
    create_messaging_tables(op, "notifier")
    for statements in (_STATE, _MAILBOX, _DELIVERY):
        run_script(op, statements)
    for table in ("municipality_state", "mailbox", "notice", "question"):
        allow_web(op, "notifier", table, "SELECT")
    allow_web(op, "notifier", "reply", "SELECT, INSERT")
    allow_web(op, "notifier", "delivery", "SELECT, UPDATE")
    allow_flow(op, "notifier", ("municipality_state", "mailbox", "notice", "question", "reply", "delivery"))
