"""The names of neighbourhoods, for who reads the CSV."""

from alembic import op
from common.migration import allow_flow, allow_web, run_script

revision = "2026_11_25_neighbourhoods"
down_revision = "2026_11_25_corrections"

# A municipality that is known already is heard again at the next `republish`, with its neighbourhoods.
_TABLE = """
    CREATE TABLE neighbourhood (
        municipality text NOT NULL,
        code text NOT NULL,
        name text NOT NULL,
        CONSTRAINT pk_neighbourhood PRIMARY KEY (municipality, code)
    );
    UPDATE municipality_state SET version = version - 1;
"""


def upgrade() -> None:
    """Make the table with its rights."""
    run_script(op, _TABLE)
    allow_web(op, "reporting", "neighbourhood", "SELECT")
    allow_flow(op, "reporting", ("neighbourhood",))
