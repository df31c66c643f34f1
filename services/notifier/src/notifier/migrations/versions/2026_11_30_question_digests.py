"""A question has a digest, against which its reporter holds what they open."""

from alembic import op
from common.migration import run_script

revision = "2026_11_30_question_digests"
down_revision = "2026_11_30_vouched_keys"


def upgrade() -> None:
    """What was asked before has none."""
    run_script(op, "ALTER TABLE question ADD COLUMN digest text NOT NULL DEFAULT '';")
