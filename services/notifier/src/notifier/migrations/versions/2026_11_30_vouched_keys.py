"""Who vouches for the key of a reply, and the key that a reply is signed with."""

from alembic import op
from common.migration import run_script

revision = "2026_11_30_vouched_keys"
down_revision = "2026_11_30_coarse_times"


def upgrade() -> None:
    """What came before has neither, and cannot be answered."""
    run_script(
        op,
        """
        ALTER TABLE mailbox ADD COLUMN signer_pin text NOT NULL DEFAULT '';
        ALTER TABLE mailbox ADD COLUMN verify_key text NOT NULL DEFAULT '';
        ALTER TABLE question ADD COLUMN reply_key_signature text NOT NULL DEFAULT '';
        ALTER TABLE question ADD COLUMN signers jsonb NOT NULL DEFAULT '[]';
        -- The handle first: on a new table of rows this wide the key of a question costs as much by an index
        -- that opens with the municipality, and a plan made then is kept.
        DROP INDEX ix_question_handle;
        CREATE INDEX ix_question_handle ON question (reporter_handle, municipality);
        """,
    )
