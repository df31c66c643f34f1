"""Facts in the outbox are stored as they are: what is sealed in them cannot be made smaller."""

from alembic import op

revision = "2026_11_25_outbox_plain"
down_revision = "2026_11_25_attachments"


def upgrade() -> None:
    op.execute("ALTER TABLE outbox ALTER COLUMN body SET STORAGE EXTERNAL")
