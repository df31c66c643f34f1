"""Files that go with a report: what is kept of each, and to which report it belongs."""

from alembic import op
from common.migration import allow_flow, allow_web, run_script

revision = "2026_11_25_attachments"
down_revision = "2026_11_25_outbox_waits"


def upgrade() -> None:
    """A row is there before its blob and goes after it, so that no blob is ever without a row."""
    run_script(
        op,
        """
        CREATE TABLE attachment (
            municipality text NOT NULL,
            id uuid NOT NULL,
            state text NOT NULL DEFAULT 'arriving',
            blob text NOT NULL,
            claim_hash bytea NOT NULL,
            key_group text NOT NULL,
            media_type text NOT NULL,
            size_bytes bigint,
            wraps jsonb,
            claimed_by bytea,
            report_id uuid,
            created_at timestamptz NOT NULL,
            CONSTRAINT pk_attachment PRIMARY KEY (municipality, id),
            CONSTRAINT uq_attachment_blob UNIQUE (blob),
            CONSTRAINT ck_attachment_state CHECK (state IN ('arriving', 'ready', 'claimed', 'leaving')),
            CONSTRAINT ck_attachment_ready CHECK (
                state <> 'ready' OR (size_bytes IS NOT NULL AND wraps IS NOT NULL)
            ),
            CONSTRAINT ck_attachment_claimed CHECK (
                (state <> 'claimed' OR report_id IS NOT NULL) AND ((report_id IS NULL) = (claimed_by IS NULL))
            ),
            CONSTRAINT ck_attachment_hash CHECK (length(claim_hash) = 32)
        );
        CREATE INDEX ix_attachment_unclaimed ON attachment (municipality, created_at)
            WHERE state <> 'claimed';
        CREATE INDEX ix_attachment_due ON attachment (created_at) WHERE state <> 'claimed';
        CREATE INDEX ix_attachment_report ON attachment (municipality, report_id)
            WHERE report_id IS NOT NULL;
        """,
    )
    allow_web(op, "intake", "attachment", "SELECT")
    allow_flow(op, "intake", ("attachment",))
