"""Coarse times in the database: columns that cannot hold a moment finer than a quarter of an hour.

For migrations. Why the database rounds and refuses, and does not use a domain: docs/adr/0016-coarse-times.md.
"""

from alembic.operations import Operations

from common.migration import run_script

__all__ = ["coarsen", "coarsen_messaging", "make_coarse", "number_by_chance"]

_FUNCTIONS = """
    CREATE FUNCTION coarse(moment timestamptz) RETURNS timestamptz LANGUAGE sql IMMUTABLE PARALLEL SAFE
        AS $$ SELECT date_bin('15 minutes', moment, timestamptz '2000-01-01 00:00:00+00') $$;
    CREATE FUNCTION coarse_now() RETURNS timestamptz LANGUAGE sql STABLE PARALLEL SAFE
        AS $$ SELECT date_bin('15 minutes', now(), timestamptz '2000-01-01 00:00:00+00') $$;
    CREATE FUNCTION number_by_chance() RETURNS bigint LANGUAGE sql VOLATILE PARALLEL SAFE
        AS $$ SELECT ('x' || left(replace(gen_random_uuid()::text, '-', ''), 12))::bit(48)::bigint $$;
"""


def make_coarse(op: Operations) -> None:
    """Make the functions `coarse(moment)`, `coarse_now()` and `number_by_chance()` (48 random bits)."""
    run_script(op, _FUNCTIONS)


def coarsen(op: Operations, table: str, *columns: str, rounds: bool = False) -> None:
    """Let these columns hold quarters of an hour only; what they hold already is rounded down.

    What comes by default is coarse from now on. Anything finer is refused; with `rounds` it is rounded down
    before that, for as long as an older version still writes it.
    """
    run_script(op, "\n".join(_statements(table, columns, rounds=rounds)))
    for column in columns:
        op.execute(
            f"""
            DO $$ BEGIN
                IF (SELECT column_default FROM information_schema.columns
                    WHERE table_schema = current_schema() AND table_name = '{table}'
                      AND column_name = '{column}') = 'now()' THEN
                    ALTER TABLE {table} ALTER COLUMN {column} SET DEFAULT coarse_now();
                END IF;
            END $$
            """  # noqa: S608 -- names of columns
        )


def _statements(table: str, columns: tuple[str, ...], *, rounds: bool) -> list[str]:
    is_fine = " OR ".join(f"{{0}}{column} <> coarse({{0}}{column})" for column in columns)
    rounded = ", ".join(f"{column} = coarse({column})" for column in columns)
    found = [f"UPDATE {table} SET {rounded} WHERE {is_fine.format('')};"]  # noqa: S608 -- names of columns
    if rounds:
        new = " ".join(f"NEW.{column} := coarse(NEW.{column});" for column in columns)
        found.append(
            f"""
            CREATE FUNCTION coarse_{table}() RETURNS trigger LANGUAGE plpgsql
                AS $$ BEGIN {new} RETURN NEW; END $$;
            CREATE TRIGGER coarse BEFORE INSERT OR UPDATE ON {table} FOR EACH ROW
                WHEN ({is_fine.format("NEW.")}) EXECUTE FUNCTION coarse_{table}();
            """
        )
    checks = ", ".join(
        f"ADD CONSTRAINT ck_{table}_{column}_coarse CHECK ({column} = coarse({column}))" for column in columns
    )
    return [*found, f"ALTER TABLE {table} {checks};"]


def number_by_chance(op: Operations, table: str) -> None:
    """Give the rows of a table numbers that tell no order; `id` was an identity."""
    run_script(
        op,
        f"""
        ALTER TABLE {table} ALTER COLUMN id DROP IDENTITY;
        ALTER TABLE {table} ALTER COLUMN id SET DEFAULT number_by_chance();
        UPDATE {table} SET id = number_by_chance();
        """,  # noqa: S608 -- a table of ours
    )


def coarsen_messaging(op: Operations) -> None:
    """Coarse times in outbox, inbox, waiting room and tombstones; makes the functions first.

    Sent rows of the outbox are deleted by the relay, those that an older version left behind at its next
    sweep. Due times stay fine: what is due, is in flight still (docs/adr/0016-coarse-times.md).
    """
    make_coarse(op)
    coarsen(op, "outbox", "created_at", "parked_at")
    coarsen(op, "inbox", "heard_at")
    coarsen(op, "waiting", "first_seen_at", "parked_at", rounds=True)
    coarsen(op, "tombstone", "erased_at", rounds=True)
    number_by_chance(op, "waiting")
    run_script(
        op,
        """
        ALTER TABLE outbox ALTER COLUMN due_at SET DEFAULT coarse_now();
        UPDATE outbox SET due_at = coarse(due_at) WHERE attempts = 0;
        """,
    )
