"""Submissions, and what intake knows of municipalities."""

from alembic import op
from common.migration import allow_flow, allow_web, create_messaging_tables, run_script

revision = "2026_11_24_initial"
down_revision = None


def upgrade() -> None:
    create_messaging_tables(op, "intake")
    run_script(
        op,
        """
        CREATE TABLE municipality_state (
            municipality text PRIMARY KEY,
            version integer NOT NULL,
            state jsonb NOT NULL
        );
        CREATE TABLE forms_state (
            municipality text PRIMARY KEY,
            version integer NOT NULL
        );
        CREATE TABLE submission (
            municipality text NOT NULL,
            key_hash bytea NOT NULL,
            body_mac bytea NOT NULL,
            lookup_id text NOT NULL,
            public_key text NOT NULL,
            report_id uuid NOT NULL,
            reporter_handle uuid NOT NULL,
            received_at timestamptz NOT NULL,
            erased_at timestamptz,
            CONSTRAINT pk_submission PRIMARY KEY (municipality, key_hash),
            CONSTRAINT uq_submission_report UNIQUE (municipality, report_id),
            CONSTRAINT ck_submission_hash CHECK (length(key_hash) = 32 AND length(body_mac) = 32)
        );
        """,
    )
    for table in ("municipality_state", "forms_state"):
        allow_web(op, "intake", table, "SELECT")
    allow_flow(op, "intake", ("municipality_state", "forms_state", "submission"))
