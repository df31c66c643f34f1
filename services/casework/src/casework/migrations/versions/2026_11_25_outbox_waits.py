"""An event that the broker refused is tried again later, not at once."""

from alembic import op
from common.migration import let_outbox_wait

revision = "2026_11_25_outbox_waits"
down_revision = "2026_11_25_count_by_index"


def upgrade() -> None:
    let_outbox_wait(op)
