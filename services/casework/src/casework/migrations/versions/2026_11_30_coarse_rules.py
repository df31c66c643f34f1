"""The moment of a version of the rules is coarse too: a report names the version that routed it."""

from alembic import op
from common.coarsening import coarsen

revision = "2026_11_30_coarse_rules"
down_revision = "2026_11_30_vouchers"


def upgrade() -> None:
    coarsen(op, "routing_rules", "changed_at", rounds=True)
