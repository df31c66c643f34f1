"""A mail that was sent never leaves again, and one that failed only when somebody who watches restarts it."""

from alembic import op
from common.migration import run_script

revision = "2026_12_01_ended_stays"
down_revision = "2026_11_30_question_digests"


def upgrade() -> None:
    """The role of flows, which sends, makes no ended one begin again: one row would be a mail at will."""
    run_script(
        op,
        """
        CREATE FUNCTION refuse_restart() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            RAISE EXCEPTION 'a mail that % does not begin again', OLD.state
                USING ERRCODE = 'check_violation';
        END $$;
        CREATE TRIGGER ended_stays BEFORE UPDATE ON delivery FOR EACH ROW
            WHEN (OLD.state <> 'queued' AND NEW.state <> OLD.state AND NOT (
                OLD.state = 'failed' AND NEW.state = 'queued' AND current_user = 'notifier_web'))
            EXECUTE FUNCTION refuse_restart();
        """,
    )
