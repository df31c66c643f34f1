"""A code in a row is a code: none begins a formula in a spreadsheet, whoever wrote the row."""

from alembic import op
from common.migration import run_script

revision = "2026_11_30_codes"
down_revision = "2026_11_30_speakers_apart"

_NAMES = ("signal_type", "urgency", "channel", "reporter_kind", "department", "status", "result")

# The pattern of every code in an event (`common.contracts.codes.Code`), so that no row breaks it yet. The
# function csv_cell of the first migration is used by the version before this one; a later migration drops it.
_RULE = " AND ".join(f"{name} ~ '^[a-z0-9][a-z0-9_-]{{0,63}}$'" for name in _NAMES)


def upgrade() -> None:
    """Add the rule; every row is looked at once, about two seconds for a million."""
    run_script(op, f"ALTER TABLE report_row ADD CONSTRAINT ck_report_row_codes CHECK ({_RULE})")
