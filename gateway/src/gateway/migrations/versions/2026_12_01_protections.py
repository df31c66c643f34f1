"""What protects reports, as the custodians of a municipality signed it."""

from alembic import op
from common.migration import run_script

revision = "2026_12_01_protections"
down_revision = "2026_11_30_keys_on_record"


def upgrade() -> None:
    """A municipality that was configured before has none: until it has, its texts stay sealed."""
    run_script(op, "ALTER TABLE municipality ADD COLUMN protections jsonb")
