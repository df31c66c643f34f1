"""What is in flight tells no more than a quarter of an hour; times of staff stay as they are."""

from alembic import op
from common.coarsening import coarsen, coarsen_messaging

revision = "2026_11_30_coarse_times"
down_revision = "2026_11_30_draft_keys"


def upgrade() -> None:
    coarsen_messaging(op)
    coarsen(op, "draft_key", "due_at")
