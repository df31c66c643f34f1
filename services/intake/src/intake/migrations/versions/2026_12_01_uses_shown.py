"""How often a code was used is shown as it was at a moment that is drawn, once a week."""

from alembic import op
from common.migration import run_script

revision = "2026_12_01_uses_shown"
down_revision = "2026_12_01_uses_apart"

_DRAWN = """
    CREATE TABLE uses_shown (next_at timestamptz NOT NULL);
    CREATE FUNCTION moment_next_week() RETURNS timestamptz LANGUAGE sql VOLATILE AS $$
        SELECT date_trunc('week', now(), 'UTC') + interval '7 days'
               + number_by_chance() / 281474976710656.0::float8 * interval '7 days' $$;
    INSERT INTO uses_shown VALUES (moment_next_week());
    ALTER TABLE invitation ADD COLUMN shown_uses integer NOT NULL DEFAULT 0;
    UPDATE invitation SET shown_uses = uses;
"""
_REWRITE = """
    CREATE OR REPLACE FUNCTION rewrite_invitations() RETURNS boolean
        LANGUAGE plpgsql SECURITY DEFINER
        SET search_path = pg_catalog, public, pg_temp SET lock_timeout = '2s' AS $$
    DECLARE
        kept invitation[];
        each invitation;
        shows boolean;
    BEGIN
        BEGIN
            LOCK TABLE invitation IN ACCESS EXCLUSIVE MODE;
        EXCEPTION WHEN lock_not_available THEN
            RETURN false;
        END;
        UPDATE uses_shown SET next_at = moment_next_week() WHERE next_at <= now();
        shows := FOUND;
        kept := ARRAY(SELECT i FROM invitation AS i ORDER BY municipality, id);
        TRUNCATE invitation;
        FOREACH each IN ARRAY kept LOOP
            IF shows THEN
                each.shown_uses := each.uses;
            END IF;
            INSERT INTO invitation VALUES (each.*);
        END LOOP;
        RETURN true;
    END $$;
"""


def upgrade() -> None:
    """Who looks again and again would see with which code a report came.

    All codes change together, while they are written anew in any case; when, the owner alone knows.
    """
    run_script(op, _DRAWN)
    run_script(op, _REWRITE)
