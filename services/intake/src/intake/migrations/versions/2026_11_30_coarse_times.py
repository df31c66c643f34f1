"""Nothing beside a report or a file tells more than a quarter of an hour.

An older version may go on beside it: what it writes finer is rounded. Rewrites the rows that are fine.
"""

from alembic import op
from common.coarsening import coarsen, coarsen_messaging
from common.migration import run_script

revision = "2026_11_30_coarse_times"
down_revision = "2026_11_30_speakers_apart"


def upgrade() -> None:
    """A file that belongs to a report keeps the day: its quarter beside the report's would tell more."""
    coarsen_messaging(op)
    coarsen(op, "submission", "received_at")
    coarsen(op, "submission", "erased_at", rounds=True)
    coarsen(op, "attachment", "created_at", rounds=True)
    run_script(
        op,
        "UPDATE attachment SET created_at = date_trunc('day', created_at, 'UTC') WHERE state = 'claimed'",
    )
