"""When a report was first told, if that was not here."""

from alembic import op

revision = "2026_11_25_received_elsewhere"
down_revision = "2026_11_25_handle_first"


def upgrade() -> None:
    op.execute("ALTER TABLE report ADD COLUMN received_elsewhere_at timestamptz")
