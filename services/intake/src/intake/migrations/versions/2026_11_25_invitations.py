"""Codes by which a municipality invites people to report; only their hashes are kept."""

from alembic import op
from common.migration import allow_flow, allow_web, run_script

revision = "2026_11_25_invitations"
down_revision = "2026_11_25_forms"


def upgrade() -> None:
    """Uses are counted and never linked to a report: who has a code of their own stays anonymous."""
    run_script(
        op,
        """
        CREATE TABLE invitation (
            municipality text NOT NULL,
            id uuid NOT NULL,
            name text NOT NULL,
            code_hash bytea NOT NULL,
            max_uses integer NOT NULL,
            uses integer NOT NULL DEFAULT 0,
            expires_at timestamptz NOT NULL,
            created_by uuid NOT NULL,
            created_at timestamptz NOT NULL,
            revoked_by uuid,
            revoked_at timestamptz,
            CONSTRAINT pk_invitation PRIMARY KEY (municipality, id),
            CONSTRAINT uq_invitation_code UNIQUE (municipality, code_hash),
            CONSTRAINT ck_invitation_hash CHECK (length(code_hash) = 32),
            CONSTRAINT ck_invitation_uses CHECK (uses >= 0 AND uses <= max_uses),
            CONSTRAINT ck_invitation_revoked CHECK ((revoked_at IS NULL) = (revoked_by IS NULL))
        );
        """,
    )
    allow_web(op, "intake", "invitation", "SELECT, INSERT, UPDATE")
    allow_flow(op, "intake", ("invitation",), "SELECT")
