"""An event counts by its id and its speaker: nobody can use up another's id."""

from alembic import op
from common.migration import keep_speakers_apart

revision = "2026_11_30_speakers_apart"
down_revision = "2026_11_25_api_keys"


def upgrade() -> None:
    keep_speakers_apart(op)
