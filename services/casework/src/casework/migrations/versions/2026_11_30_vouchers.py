"""A report keeps intake's word for its reporter's keys and content, a reply its reporter's signature."""

from alembic import op
from common.migration import run_script

revision = "2026_11_30_vouchers"
down_revision = "2026_11_30_coarse_times"


def upgrade() -> None:
    """What came before has neither: such a reporter cannot be asked, such a reply is shown as not signed."""
    run_script(
        op,
        """
        ALTER TABLE report ADD COLUMN voucher jsonb;
        ALTER TABLE reply ADD COLUMN signature text NOT NULL DEFAULT '';
        """,
    )
