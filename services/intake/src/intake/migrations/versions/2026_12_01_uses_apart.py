"""No row, and nothing in the table's file, tells when a code was used."""

from alembic import op
from common.migration import run_script

revision = "2026_12_01_uses_apart"
down_revision = "2026_11_30_coarse_forms"


def upgrade() -> None:
    """A use is counted in the transaction before that of its report, and rows keep these numbers.

    So all rows are written anew together, in the order of their ids, into a file in which no older ones lie.
    It runs with the owner's rights: the flow role does not change invitations otherwise. Where others keep
    the table busy, a dump for instance, it waits a moment only: everybody else waits behind it.
    """
    run_script(
        op,
        """
        CREATE FUNCTION rewrite_invitations() RETURNS boolean
            LANGUAGE plpgsql SECURITY DEFINER
            SET search_path = pg_catalog, public, pg_temp SET lock_timeout = '2s' AS $$
        DECLARE
            kept invitation[];
            each invitation;
        BEGIN
            BEGIN
                LOCK TABLE invitation IN ACCESS EXCLUSIVE MODE;
            EXCEPTION WHEN lock_not_available THEN
                RETURN false;
            END;
            kept := ARRAY(SELECT i FROM invitation AS i ORDER BY municipality, id);
            TRUNCATE invitation;
            FOREACH each IN ARRAY kept LOOP
                INSERT INTO invitation VALUES (each.*);
            END LOOP;
            RETURN true;
        END $$;
        REVOKE ALL ON FUNCTION rewrite_invitations() FROM PUBLIC;
        GRANT EXECUTE ON FUNCTION rewrite_invitations() TO intake_flow;
        """,
    )
