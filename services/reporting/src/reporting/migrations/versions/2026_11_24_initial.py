"""Rows and rollups of reporting, and the names it shows them under."""

from alembic import op
from common.migration import allow_flow, allow_web, create_messaging_tables, run_script

revision = "2026_11_24_initial"
down_revision = None

_STATES = """
    CREATE TABLE municipality_state (
        municipality text PRIMARY KEY,
        version bigint NOT NULL,
        display_name text NOT NULL
    );
    CREATE TABLE department (
        municipality text NOT NULL,
        code text NOT NULL,
        name text NOT NULL,
        CONSTRAINT pk_department PRIMARY KEY (municipality, code)
    );
    CREATE TABLE forms_state (
        municipality text PRIMARY KEY,
        version bigint NOT NULL
    );
    CREATE TABLE signal_type (
        municipality text NOT NULL,
        code text NOT NULL,
        name text NOT NULL,
        is_restricted boolean NOT NULL,
        CONSTRAINT pk_signal_type PRIMARY KEY (municipality, code)
    );
"""

# A version of -1 means: never heard. Effective days follow from the facts, so that no writer can
# let them drift; a closing counts for as long as no later reopening is known.
_ROWS = """
    CREATE TABLE report_row (
        municipality text NOT NULL,
        report_id uuid NOT NULL,
        received_on date,
        signal_type text,
        is_restricted boolean,
        urgency text,
        neighbourhood text,
        channel text,
        reporter_kind text,
        department text,
        department_version bigint NOT NULL DEFAULT -1,
        due_at timestamptz,
        routed_version bigint NOT NULL DEFAULT -1,
        status text,
        status_order bigint NOT NULL DEFAULT -1,
        taken_at timestamptz,
        closed_at timestamptz,
        result text,
        closed_version bigint NOT NULL DEFAULT -1,
        reopened_version bigint NOT NULL DEFAULT -1,
        taken_on date GENERATED ALWAYS AS ((taken_at AT TIME ZONE 'Europe/Amsterdam')::date) STORED,
        closed_on date GENERATED ALWAYS AS (
            CASE WHEN closed_version > reopened_version
                 THEN (closed_at AT TIME ZONE 'Europe/Amsterdam')::date END
        ) STORED,
        CONSTRAINT pk_report_row PRIMARY KEY (municipality, report_id),
        CONSTRAINT ck_report_row_counted CHECK (
            received_on IS NULL
            OR (signal_type IS NOT NULL AND is_restricted IS NOT NULL AND urgency IS NOT NULL
                AND channel IS NOT NULL AND reporter_kind IS NOT NULL)
        )
    ) WITH (fillfactor = 85);
    CREATE INDEX ix_report_row_received ON report_row (municipality, received_on, report_id)
        WHERE received_on IS NOT NULL;
"""

_ROLLUP = """
    CREATE TABLE {table} (
        municipality text NOT NULL,
        month date NOT NULL,
        signal_type text NOT NULL,
        is_restricted boolean NOT NULL,
        received bigint NOT NULL,
        taken bigint NOT NULL,
        closed bigint NOT NULL,
        taken_days bigint NOT NULL,
        closed_days bigint NOT NULL,
        CONSTRAINT pk_{table} PRIMARY KEY (municipality, month, signal_type, is_restricted)
    );
"""

# The one definition of what a report adds to the counts: live upkeep, erasure and rebuild all use it.
_MEASURES = """
    CREATE FUNCTION report_measures(received_on date, taken_on date, closed_on date)
    RETURNS TABLE (month date, received int, taken int, closed int, taken_days int, closed_days int)
    LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
        SELECT date_trunc('month', happened_on::timestamp)::date, m.received, m.taken, m.closed,
               m.taken_days, m.closed_days
        FROM (VALUES
            ($1, 1, 0, 0, 0, 0),
            ($2, 0, 1, 0, greatest($2 - $1, 0), 0),
            ($3, 0, 0, 1, 0, greatest($3 - $1, 0))
        ) AS m (happened_on, received, taken, closed, taken_days, closed_days)
        WHERE $1 IS NOT NULL AND happened_on IS NOT NULL
    $$;
"""

# A spreadsheet takes a cell that begins with one of these for a formula (OWASP, CSV injection); a line
# break inside a cell becomes a space, so that a row is always one line.
_CELL = """
    CREATE FUNCTION csv_cell(value text) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
        SELECT CASE WHEN left($1, 1) = ANY ('{=,+,-,@,"\t","\r","\n",＝,＋,－,＠}'::text[])
                    THEN '''' || translate($1, E'\\r\\n\\t', '   ')
                    ELSE translate($1, E'\\r\\n\\t', '   ') END
    $$;
"""

_AUDIT = """
    CREATE TABLE export_audit (
        municipality text NOT NULL,
        id bigint GENERATED ALWAYS AS IDENTITY,
        started_at timestamptz NOT NULL DEFAULT now(),
        person uuid,
        key_name text,
        purpose text,
        filters jsonb NOT NULL,
        CONSTRAINT pk_export_audit PRIMARY KEY (municipality, id),
        CONSTRAINT ck_export_audit_who CHECK (person IS NOT NULL OR key_name IS NOT NULL),
        CONSTRAINT ck_export_audit_purpose CHECK (key_name IS NULL OR purpose IS NOT NULL)
    );
"""

_READ = ("municipality_state", "department", "forms_state", "signal_type", "report_row", "rollup")


def upgrade() -> None:
    """Make every table with its rights."""
    create_messaging_tables(op, "reporting")
    for statements in (_STATES, _ROWS, _MEASURES, _CELL, _AUDIT):
        run_script(op, statements)
    for table in ("rollup", "rollup_erased"):
        run_script(op, _ROLLUP.format(table=table))
    for table in _READ:
        allow_web(op, "reporting", table, "SELECT")
    allow_web(op, "reporting", "export_audit", "SELECT, INSERT")
    allow_flow(op, "reporting", (*_READ, "rollup_erased"))
