"""What a municipality asks of reports: neighbourhoods, who may report, the layout of its form, limits."""

from alembic import op
from common.migration import allow_flow, allow_web, run_script

revision = "2026_11_25_reporting_rules"
down_revision = "2026_11_25_outbox_waits"


def upgrade() -> None:
    """Columns with a default, so that a gateway of before still writes municipalities."""
    run_script(
        op,
        """
        ALTER TABLE municipality
            ADD COLUMN file_limits jsonb,
            ADD COLUMN form_layout text NOT NULL DEFAULT 'all-on-one',
            ADD COLUMN who_may_report text NOT NULL DEFAULT 'open',
            ADD COLUMN four_eyes_on_forms boolean NOT NULL DEFAULT false,
            ADD CONSTRAINT ck_municipality_layout CHECK (form_layout IN ('all-on-one', 'one-per-page')),
            ADD CONSTRAINT ck_municipality_who CHECK (who_may_report IN ('open', 'invited', 'signed-in'));
        CREATE TABLE neighbourhood (
            municipality text NOT NULL REFERENCES municipality,
            code text NOT NULL,
            name text NOT NULL,
            position integer NOT NULL,
            PRIMARY KEY (municipality, code)
        );
        """,
    )
    allow_web(op, "gateway", "neighbourhood", "SELECT, INSERT, UPDATE, DELETE")
    allow_flow(op, "gateway", ("neighbourhood",), "SELECT")
