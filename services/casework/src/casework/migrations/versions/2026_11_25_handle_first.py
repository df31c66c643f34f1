"""A report's handle before its municipality, so that no foreign key is ever checked by the wrong index.

While the table is new and unmeasured, PostgreSQL may take an index that opens with the municipality for as
good as the primary key, keep that plan for as long as a connection lives, and read every report of the
municipality at each check. On a large table, make the index beforehand with CREATE UNIQUE INDEX CONCURRENTLY
under the name uq_report_handle_first; then this step finds it.
"""

from alembic import op
from common.migration import run_script

revision = "2026_11_25_handle_first"
down_revision = "2026_11_25_work_list"

_INDEXES = """
    CREATE UNIQUE INDEX IF NOT EXISTS uq_report_handle_first ON report (reporter_handle, municipality);
    ALTER TABLE report DROP CONSTRAINT uq_report_handle;
    ALTER TABLE report ADD CONSTRAINT uq_report_handle UNIQUE USING INDEX uq_report_handle_first;
"""


def upgrade() -> None:
    """Make the index and let it be the constraint."""
    run_script(op, _INDEXES)
