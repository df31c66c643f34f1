"""Municipalities, people, sessions, API keys and vaults."""

from alembic import op
from common.migration import allow_flow, allow_web, create_messaging_tables, run_script

revision = "2026_11_24_initial"
down_revision = None

_CONFIGURATION = """
CREATE TABLE municipality (
    municipality text PRIMARY KEY,
    display_name text NOT NULL,
    text_in_clear boolean NOT NULL,
    catch_all_department text NOT NULL,
    version integer NOT NULL,
    configured_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT ck_municipality_version CHECK (version > 0)
);
CREATE TABLE host (
    municipality text NOT NULL REFERENCES municipality,
    host text NOT NULL,
    position integer NOT NULL,
    PRIMARY KEY (municipality, host),
    CONSTRAINT uq_host UNIQUE (host)
);
CREATE TABLE department (
    municipality text NOT NULL REFERENCES municipality,
    code text NOT NULL,
    name text NOT NULL,
    mail text,
    position integer NOT NULL,
    PRIMARY KEY (municipality, code)
);
ALTER TABLE municipality ADD CONSTRAINT fk_municipality_catch_all
    FOREIGN KEY (municipality, catch_all_department) REFERENCES department (municipality, code)
    DEFERRABLE INITIALLY DEFERRED;
CREATE TABLE partner (
    municipality text NOT NULL REFERENCES municipality,
    code text NOT NULL,
    name text NOT NULL,
    kind text NOT NULL,
    subscription jsonb,
    position integer NOT NULL,
    PRIMARY KEY (municipality, code)
);
CREATE TABLE group_key (
    municipality text NOT NULL REFERENCES municipality,
    key_group text NOT NULL,
    key_id text NOT NULL,
    public_key text NOT NULL,
    position integer NOT NULL,
    PRIMARY KEY (municipality, key_group),
    CONSTRAINT uq_group_key_id UNIQUE (municipality, key_id)
);
"""

_PEOPLE = """
CREATE TABLE person (
    municipality text NOT NULL REFERENCES municipality,
    id uuid NOT NULL,
    login text NOT NULL,
    display_name text NOT NULL,
    password_hash text NOT NULL,
    roles text[] NOT NULL,
    departments text[] NOT NULL,
    is_active boolean NOT NULL DEFAULT true,
    PRIMARY KEY (municipality, id),
    CONSTRAINT uq_person_login UNIQUE (municipality, login)
);
CREATE TABLE session (
    municipality text NOT NULL,
    token_hash bytea NOT NULL PRIMARY KEY,
    person_id uuid NOT NULL,
    created_at timestamptz NOT NULL,
    last_seen_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    CONSTRAINT fk_session_person FOREIGN KEY (municipality, person_id)
        REFERENCES person (municipality, id) ON DELETE CASCADE
);
CREATE INDEX ix_session_person ON session (municipality, person_id);
CREATE INDEX ix_session_expires ON session (expires_at);
CREATE TABLE api_key (
    municipality text NOT NULL REFERENCES municipality,
    name text NOT NULL,
    key_hash bytea NOT NULL,
    roles text[] NOT NULL,
    departments text[] NOT NULL,
    purpose text NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    expires_at timestamptz,
    PRIMARY KEY (municipality, name),
    CONSTRAINT uq_api_key_hash UNIQUE (key_hash)
);
CREATE TABLE person_key (
    municipality text NOT NULL,
    person_id uuid NOT NULL,
    public_key text NOT NULL,
    wrapped_private_key jsonb NOT NULL,
    PRIMARY KEY (municipality, person_id),
    CONSTRAINT fk_person_key_person FOREIGN KEY (municipality, person_id)
        REFERENCES person (municipality, id) ON DELETE CASCADE
);
CREATE TABLE group_key_wrap (
    municipality text NOT NULL,
    person_id uuid NOT NULL,
    key_group text NOT NULL,
    key_id text NOT NULL,
    wrapped_key text NOT NULL,
    PRIMARY KEY (municipality, person_id, key_group, key_id),
    CONSTRAINT fk_group_key_wrap_person_key FOREIGN KEY (municipality, person_id)
        REFERENCES person_key (municipality, person_id) ON DELETE CASCADE
);
CREATE TABLE vault_opening (
    municipality text NOT NULL,
    id bigint GENERATED ALWAYS AS IDENTITY,
    person_id uuid NOT NULL,
    key_ids text[] NOT NULL,
    opened_at timestamptz NOT NULL,
    PRIMARY KEY (municipality, id)
);
"""

_WEB = {
    "municipality": "SELECT, INSERT, UPDATE",
    "host": "SELECT, INSERT, UPDATE, DELETE",
    "department": "SELECT, INSERT, UPDATE, DELETE",
    "partner": "SELECT, INSERT, UPDATE, DELETE",
    "group_key": "SELECT, INSERT, UPDATE, DELETE",
    "person": "SELECT, INSERT, UPDATE",
    "session": "SELECT, INSERT, UPDATE, DELETE",
    "api_key": "SELECT, INSERT, UPDATE, DELETE",
    "person_key": "SELECT, INSERT, UPDATE, DELETE",
    "group_key_wrap": "SELECT, INSERT, UPDATE, DELETE",
    "vault_opening": "SELECT, INSERT",  # what was opened stays written
}


def upgrade() -> None:
    """Make every table; what looks across municipalities (sign-in by token, directory) is the flow role's."""
    create_messaging_tables(op, "gateway")
    run_script(op, _CONFIGURATION)
    run_script(op, _PEOPLE)
    for table, privileges in _WEB.items():
        allow_web(op, "gateway", table, privileges)
    allow_flow(op, "gateway", ("municipality", "host", "department", "partner", "group_key"), "SELECT")
    allow_flow(op, "gateway", ("session",), "SELECT, UPDATE, DELETE")
    allow_flow(op, "gateway", ("api_key",), "SELECT")
    allow_flow(
        op,
        "gateway",
        ("person",),
        "SELECT (municipality, id, display_name, roles, departments, is_active)",
    )
    allow_flow(op, "gateway", ("group_key_wrap",), "SELECT (municipality, person_id, key_group)")
