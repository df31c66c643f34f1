"""What was deleted of the halves of drafts' keys leaves the table's file too."""

from alembic import op
from common.migration import run_script

revision = "2026_11_30_forgotten_halves"
down_revision = "2026_11_30_signers"


def upgrade() -> None:
    """A deleted row, and what vacuum leaves of it, stays in its page; so the table gets a new file.

    Live rows pass through the memory of that one statement: a temporary table could reach the disk. It runs
    with the owner's rights, so that the flow role empties the table and reads no half. Where others keep the
    table busy, a dump for instance, it waits a moment only: everybody else waits behind it.
    """
    run_script(
        op,
        """
        CREATE FUNCTION rewrite_draft_keys() RETURNS boolean
            LANGUAGE plpgsql SECURITY DEFINER
            SET search_path = pg_catalog, public, pg_temp SET lock_timeout = '2s' AS $$
        DECLARE
            kept draft_key[];
            each draft_key;
        BEGIN
            BEGIN
                LOCK TABLE draft_key IN ACCESS EXCLUSIVE MODE;
            EXCEPTION WHEN lock_not_available THEN
                RETURN false;
            END;
            kept := ARRAY(SELECT d FROM draft_key AS d);
            TRUNCATE draft_key;
            FOREACH each IN ARRAY kept LOOP
                INSERT INTO draft_key VALUES (each.*);
            END LOOP;
            RETURN true;
        END $$;
        REVOKE ALL ON FUNCTION rewrite_draft_keys() FROM PUBLIC;
        GRANT EXECUTE ON FUNCTION rewrite_draft_keys() TO gateway_flow;
        """,
    )
