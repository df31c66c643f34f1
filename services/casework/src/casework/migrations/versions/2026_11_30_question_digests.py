"""A question has a digest, against which its reporter and colleagues hold what they open."""

from alembic import op
from common.migration import run_script

revision = "2026_11_30_question_digests"
down_revision = "2026_11_30_coarse_rules"


def upgrade() -> None:
    """What was asked before has none."""
    run_script(op, "ALTER TABLE question ADD COLUMN digest text NOT NULL DEFAULT '';")
