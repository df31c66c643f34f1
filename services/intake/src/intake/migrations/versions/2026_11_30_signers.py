"""Who vouches for a municipality's keys, pinned: rows are added, and no role of the service changes one."""

from alembic import op
from common.migration import allow_flow, run_script

revision = "2026_11_30_signers"
down_revision = "2026_11_30_coarse_times"


def upgrade() -> None:
    run_script(
        op,
        """
        CREATE TABLE signer_pin (
            municipality text NOT NULL,
            position integer NOT NULL,
            signer text NOT NULL,
            seal text NOT NULL,  -- this service's signature: the row is its own
            CONSTRAINT pk_signer_pin PRIMARY KEY (municipality, position)
        );
        """,
    )
    allow_flow(op, "intake", ("signer_pin",), "SELECT, INSERT")
