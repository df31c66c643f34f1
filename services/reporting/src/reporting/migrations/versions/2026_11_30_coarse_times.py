"""Rows tell no more than a quarter of an hour; days and months, which are counted, stay the same.

An older version may go on beside it: what it writes finer is rounded. Rewrites the rows that are fine.
"""

from alembic import op
from common.coarsening import coarsen, coarsen_messaging

revision = "2026_11_30_coarse_times"
down_revision = "2026_11_30_codes"


def upgrade() -> None:
    coarsen_messaging(op)
    coarsen(op, "report_row", "due_at", "taken_at", "closed_at", rounds=True)
