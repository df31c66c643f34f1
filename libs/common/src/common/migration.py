"""Forward-only migrations: each service's own, run with the owner's role, and their shared pieces."""

import asyncio
from collections.abc import Mapping, Sequence
from importlib import import_module
from pathlib import Path

from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.operations import Operations
from alembic.runtime.environment import EnvironmentContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection

from common.db import make_engine
from common.tls import Tls

__all__ = [
    "SERVER_SETTINGS",
    "allow_flow",
    "allow_web",
    "create_messaging_tables",
    "history",
    "keep_speakers_apart",
    "let_outbox_wait",
    "migrate",
    "run_script",
]

#: What PostgreSQL must be set to; where more is fit, the first is what our own servers have.
SERVER_SETTINGS: Mapping[str, tuple[str, ...]] = {
    "track_commit_timestamp": ("off",),
    "log_error_verbosity": ("terse",),  # else the key or the whole row that an error is about
    "log_min_error_statement": ("panic", "fatal"),  # else the statement that failed, with what stands in it
    "log_parameter_max_length": ("0",),
    "log_parameter_max_length_on_error": ("0",),
    "log_statement": ("none",),
    "log_min_duration_statement": ("-1",),
}

_LOCK = 7_306_119_840  # one migrator at a time, whichever replica starts first


def migrate(service: str, owner_url: str, tls: Tls | None = None, *, to: str = "head") -> None:
    """Bring a database to the newest version, or as far as `to`; safe to run again and beside others.

    Raises RuntimeError on a server that keeps the moments of commits, or logs what rows hold.
    """
    asyncio.run(_migrate(service, owner_url, tls or Tls(), to))


async def _migrate(service: str, owner_url: str, tls: Tls, to: str) -> None:
    engine = make_engine(owner_url, tls)
    try:
        async with engine.begin() as connection:
            await connection.run_sync(_upgrade, service, to)
    finally:
        await engine.dispose()


def _upgrade(connection: Connection, service: str, to: str) -> None:
    connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({_LOCK})")
    _require_server(connection)
    folder = Path(str(import_module(service).__file__)).parent / "migrations"
    config = Config()
    config.set_main_option("script_location", str(folder))
    config.set_main_option("path_separator", "os")
    script = ScriptDirectory.from_config(config)

    def steps(revision: str | tuple[str, ...], _context: MigrationContext) -> list[object]:
        return list(script._upgrade_revs(to, revision))  # type: ignore[arg-type]

    with EnvironmentContext(config, script, fn=steps) as environment:
        environment.configure(connection=connection, transactional_ddl=True)
        environment.run_migrations()


def _require_server(connection: Connection) -> None:
    """Raise RuntimeError on a server whose own files would tell when rows came, or what is in them."""
    rows = connection.exec_driver_sql("SELECT name, setting FROM pg_settings").all()
    found = {str(name): str(setting) for name, setting in rows}
    wrong = [f"{name} = {fit[0]}" for name, fit in SERVER_SETTINGS.items() if found.get(name) not in fit]
    if wrong:
        raise RuntimeError(
            f"PostgreSQL keeps commit times, or logs what rows hold; set {', '.join(wrong)} on this server."
        )


def create_messaging_tables(op: Operations, service: str) -> None:
    """Outbox, inbox, waiting and tombstone tables with the grants of both roles."""
    run_script(
        op,
        """
        CREATE TABLE outbox (
            id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
            event_id uuid NOT NULL,
            municipality text NOT NULL,
            subject text NOT NULL,
            routing_key text NOT NULL,
            body bytea,
            created_at timestamptz NOT NULL DEFAULT now(),
            sent_at timestamptz,
            attempts integer NOT NULL DEFAULT 0,
            parked_at timestamptz,
            error text,
            CONSTRAINT ck_outbox_unsent_has_body CHECK (sent_at IS NOT NULL OR body IS NOT NULL)
        );
        CREATE INDEX ix_outbox_unsent ON outbox (id) WHERE sent_at IS NULL AND parked_at IS NULL;
        CREATE INDEX ix_outbox_unsent_subject ON outbox (subject) WHERE sent_at IS NULL;
        CREATE INDEX ix_outbox_sent ON outbox (sent_at) WHERE sent_at IS NOT NULL;
        CREATE TABLE inbox (
            event_id uuid PRIMARY KEY,
            heard_at timestamptz NOT NULL DEFAULT now()
        );
        CREATE INDEX ix_inbox_heard ON inbox (heard_at);
        CREATE TABLE waiting (
            id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
            event_id uuid NOT NULL,
            type text NOT NULL,
            municipality text NOT NULL,
            subject text NOT NULL,
            body bytea NOT NULL,
            attempt integer NOT NULL DEFAULT 0,
            due_at timestamptz NOT NULL,
            error text,
            first_seen_at timestamptz NOT NULL DEFAULT now(),
            parked_at timestamptz,
            CONSTRAINT uq_waiting_event UNIQUE (event_id)
        );
        CREATE INDEX ix_waiting_due ON waiting (due_at) WHERE parked_at IS NULL;
        CREATE INDEX ix_waiting_subject ON waiting (subject);
        CREATE TABLE tombstone (
            subject text PRIMARY KEY,
            municipality text NOT NULL,
            erased_at timestamptz NOT NULL
        );
        """,
    )
    allow_web(op, service, "outbox", "INSERT")
    allow_web(op, service, "tombstone", "SELECT")
    allow_flow(op, service, ("outbox", "inbox", "waiting", "tombstone"))


def let_outbox_wait(op: Operations) -> None:
    """Give unsent events a time before which they are not tried again."""
    op.execute("ALTER TABLE outbox ADD COLUMN due_at timestamptz NOT NULL DEFAULT now()")


def keep_speakers_apart(op: Operations) -> None:
    """Keep with each heard or waiting event who spoke it; one speaker's ids are apart from another's.

    What waits already was let in before the broker's word counted: its type says who spoke it.
    """
    run_script(
        op,
        """
        ALTER TABLE inbox ADD COLUMN speaker text NOT NULL DEFAULT '';
        ALTER TABLE inbox DROP CONSTRAINT inbox_pkey,
            ADD CONSTRAINT inbox_pkey PRIMARY KEY (event_id, speaker);
        ALTER TABLE waiting ADD COLUMN spoken_by text NOT NULL DEFAULT '';
        UPDATE waiting SET spoken_by = split_part(type, '.', 3);
        ALTER TABLE waiting DROP CONSTRAINT uq_waiting_event,
            ADD CONSTRAINT uq_waiting_event UNIQUE (event_id, spoken_by);
        """,
    )


def run_script(op: Operations, sql: str) -> None:
    """Run several statements in the migration's transaction (asyncpg prepares one at a time)."""
    bind = op.get_bind()
    bind.exec_driver_sql("SELECT 1")  # opens the transaction, if nothing has yet
    bind.connection.dbapi_connection.run_async(lambda driver: driver.execute(sql))  # type: ignore[union-attr]


def allow_web(op: Operations, service: str, table: str, privileges: str) -> None:
    """Grant the web role these privileges on its own municipality's rows, by forced row-level security."""
    mine = "municipality = current_setting('app.municipality', true)"
    _force_row_security(op, service, table)
    op.execute(f"CREATE POLICY web ON {table} TO {service}_web USING ({mine}) WITH CHECK ({mine})")
    op.execute(f"GRANT {privileges} ON {table} TO {service}_web")


def allow_flow(
    op: Operations,
    service: str,
    tables: Sequence[str],
    privileges: str = "SELECT, INSERT, UPDATE, DELETE",
) -> None:
    """Grant the flow role these privileges on all rows of these tables."""
    for table in tables:
        op.execute(f"GRANT {privileges} ON {table} TO {service}_flow")
        op.execute(
            f"""
            DO $$ BEGIN
                IF (SELECT relrowsecurity FROM pg_class WHERE oid = '{table}'::regclass) THEN
                    CREATE POLICY flow ON {table} TO {service}_flow USING (true) WITH CHECK (true);
                END IF;
            END $$
            """
        )


def _force_row_security(op: Operations, service: str, table: str) -> None:
    op.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")
    op.execute(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY")
    op.execute(f"CREATE POLICY owner ON {table} TO {service}_owner USING (true) WITH CHECK (true)")


def history(service: str) -> list[str]:
    """The revisions of a service, oldest first; for docs and checks."""
    folder = Path(str(import_module(service).__file__)).parent / "migrations"
    config = Config()
    config.set_main_option("script_location", str(folder))
    script = ScriptDirectory.from_config(config)
    return [revision.revision for revision in reversed(list(script.walk_revisions()))]
