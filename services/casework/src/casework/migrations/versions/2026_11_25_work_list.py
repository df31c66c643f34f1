"""Work lists of all desks: closed reports, and open ones of one status, in the order in which they are shown.

On a large table, make both beforehand with CREATE INDEX CONCURRENTLY under these names; then this step
finds them. A change of status writes one entry more; closed reports are in the first index only.
"""

from alembic import op
from common.migration import run_script

revision = "2026_11_25_work_list"
down_revision = "2026_11_25_outbox_waits"

_INDEXES = """
    CREATE INDEX IF NOT EXISTS ix_report_all_closed ON report (municipality, urgency_rank, due_at, id)
        WHERE status = 'closed';
    CREATE INDEX IF NOT EXISTS ix_report_all_status ON report (municipality, status, urgency_rank, due_at, id)
        WHERE status <> 'closed';
"""


def upgrade() -> None:
    """Make the indexes."""
    run_script(op, _INDEXES)
