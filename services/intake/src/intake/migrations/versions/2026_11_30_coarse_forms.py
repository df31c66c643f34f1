"""The moment of a version of the forms is coarse too: a report names the version that it was made with."""

from alembic import op
from common.coarsening import coarsen

revision = "2026_11_30_coarse_forms"
down_revision = "2026_11_30_signers"


def upgrade() -> None:
    coarsen(op, "form_version", "published_at", rounds=True)
    coarsen(op, "form_draft", "edited_at", rounds=True)
    coarsen(op, "form_audit", "at", rounds=True)
