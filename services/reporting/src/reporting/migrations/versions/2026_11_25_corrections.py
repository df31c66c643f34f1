"""What handlers corrected of anonymised texts, counted per month and class; no report can be told from it."""

from alembic import op
from common.migration import allow_flow, allow_web, run_script

revision = "2026_11_25_corrections"
down_revision = "2026_11_25_outbox_waits"

_TABLE = """
    CREATE TABLE correction_count (
        municipality text NOT NULL,
        month date NOT NULL,
        personal_class text NOT NULL,
        misses bigint NOT NULL,
        false_hits bigint NOT NULL,
        CONSTRAINT pk_correction_count PRIMARY KEY (municipality, month, personal_class),
        CONSTRAINT ck_correction_count_month CHECK (month = date_trunc('month', month::timestamp)::date)
    );
"""


def upgrade() -> None:
    """Make the table with its rights."""
    run_script(op, _TABLE)
    allow_web(op, "reporting", "correction_count", "SELECT")
    allow_flow(op, "reporting", ("correction_count",), "SELECT, INSERT, UPDATE")
