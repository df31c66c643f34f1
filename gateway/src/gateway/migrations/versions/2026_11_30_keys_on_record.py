"""Every API key that was made stays on record, with who made and who revoked it."""

from alembic import op
from common.migration import run_script

revision = "2026_11_30_keys_on_record"
down_revision = "2026_11_30_forgotten_halves"


def upgrade() -> None:
    """Who made the keys there are is not known. The web role may revoke a key, and change nothing else of it.

    The version before goes on reading and revoking keys, but makes none any more: it would write over a name.
    """
    run_script(
        op,
        """
        ALTER TABLE api_key ADD COLUMN made_by uuid, ADD COLUMN revoked_by uuid;
        REVOKE UPDATE, DELETE ON api_key FROM gateway_web;
        GRANT UPDATE (revoked_at, revoked_by) ON api_key TO gateway_web;
        """,
    )
