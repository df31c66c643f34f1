"""Who vouches for a municipality's keys, and for each key that a signature."""

from alembic import op
from common.migration import allow_flow, allow_web, run_script

revision = "2026_11_30_signers"
down_revision = "2026_11_30_coarse_times"


def upgrade() -> None:
    """A municipality that was configured before has no signer: its keys count no longer until it has one."""
    run_script(
        op,
        """
        ALTER TABLE group_key ADD COLUMN signature text NOT NULL DEFAULT '';
        CREATE TABLE signer (
            municipality text NOT NULL REFERENCES municipality,
            public_key text NOT NULL,
            signature text NOT NULL,
            position integer NOT NULL,
            PRIMARY KEY (municipality, position)
        );
        """,
    )
    allow_web(op, "gateway", "signer", "SELECT, INSERT, UPDATE, DELETE")
    allow_flow(op, "gateway", ("signer",), "SELECT")
