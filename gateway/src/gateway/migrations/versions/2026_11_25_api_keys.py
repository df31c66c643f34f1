"""An API key may be bound to signal types, a kind of reporter and a pace; it can be revoked."""

from alembic import op
from common.migration import run_script

revision = "2026_11_25_api_keys"
down_revision = "2026_11_25_reporting_rules"


def upgrade() -> None:
    """What is new is empty for every key there is: it may do what it might before."""
    run_script(
        op,
        """
        ALTER TABLE api_key
            ADD COLUMN signal_types text[],
            ADD COLUMN reporter_kind text,
            ADD COLUMN per_minute integer,
            ADD COLUMN last_used_on date,
            ADD COLUMN revoked_at timestamptz,
            ADD CONSTRAINT ck_api_key_per_minute CHECK (per_minute > 0),
            ADD CONSTRAINT ck_api_key_signal_types CHECK (cardinality(signal_types) > 0);
        GRANT UPDATE (last_used_on) ON api_key TO gateway_flow;
        """,
    )
