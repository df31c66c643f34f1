"""Counts beside the work list are read from an index alone, for whoever may not see restricted reports."""

from alembic import op
from common.migration import run_script

revision = "2026_11_25_count_by_index"
down_revision = "2026_11_24_initial"

_INDEXES = """
    DROP INDEX ix_report_due;
    CREATE INDEX ix_report_due ON report (municipality, department, due_at) INCLUDE (is_restricted)
        WHERE status <> 'closed';
    DROP INDEX ix_report_untaken;
    CREATE INDEX ix_report_untaken ON report (municipality, department) INCLUDE (is_restricted)
        WHERE status = 'new';
"""


def upgrade() -> None:
    """Make both indexes anew with what decides on sight."""
    run_script(op, _INDEXES)
