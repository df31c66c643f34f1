"""Sealed content is stored as it is: what is sealed cannot be made smaller."""

from alembic import op

revision = "2026_11_25_sealed_plain"
down_revision = "2026_11_25_received_elsewhere"


def upgrade() -> None:
    op.execute("ALTER TABLE sealed ALTER COLUMN content SET STORAGE EXTERNAL")
