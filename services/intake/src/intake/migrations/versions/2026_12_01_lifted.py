"""What a published form took away of the protection of its type stands in the audit."""

from alembic import op
from common.migration import run_script

revision = "2026_12_01_lifted"
down_revision = "2026_12_01_uses_shown"


def upgrade() -> None:
    """Of what was published before, nothing is known."""
    run_script(op, "ALTER TABLE form_audit ADD COLUMN lifted text[] NOT NULL DEFAULT '{}'")
