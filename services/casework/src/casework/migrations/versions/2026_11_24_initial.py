"""The tables of casework."""

from alembic import op
from common.migration import allow_flow, allow_web, create_messaging_tables, run_script

revision = "2026_11_24_initial"
down_revision = None

_STATES = """
    CREATE TABLE municipality_state (
        municipality text PRIMARY KEY,
        version bigint NOT NULL,
        state jsonb NOT NULL
    );
    CREATE TABLE forms_state (
        municipality text PRIMARY KEY,
        version bigint NOT NULL,
        state jsonb NOT NULL
    );
    CREATE TABLE routing_rules (
        municipality text NOT NULL,
        version bigint NOT NULL,
        rules jsonb NOT NULL,
        changed_by uuid NOT NULL,
        changed_at timestamptz NOT NULL DEFAULT now(),
        CONSTRAINT pk_routing_rules PRIMARY KEY (municipality, version)
    );
"""

# A report without a department waits for the municipality's configuration, which routes it at once.
_REPORT = """
    CREATE TABLE report (
        municipality text NOT NULL,
        id uuid NOT NULL,
        version integer NOT NULL DEFAULT 1,
        signal_type text NOT NULL,
        forms_version integer NOT NULL,
        choice_answers jsonb NOT NULL,
        urgency text NOT NULL,
        urgency_rank smallint NOT NULL,
        neighbourhood text,
        observed_on date,
        received_at timestamptz NOT NULL,
        channel text NOT NULL,
        reporter_kind text NOT NULL,
        is_traceable boolean NOT NULL,
        is_restricted boolean NOT NULL,
        has_identity boolean NOT NULL,
        anonymised_text text,
        needs_review boolean NOT NULL,
        reporter_public_key text NOT NULL,
        reporter_handle uuid NOT NULL,
        department text,
        rule text,
        rules_version bigint,
        due_at timestamptz NOT NULL,
        status text NOT NULL DEFAULT 'new',
        taken_by uuid,
        taken_at timestamptz,
        closed_at timestamptz,
        result text,
        duplicate_of uuid,
        has_new_reply boolean NOT NULL DEFAULT false,
        CONSTRAINT pk_report PRIMARY KEY (municipality, id),
        CONSTRAINT uq_report_handle UNIQUE (municipality, reporter_handle),
        CONSTRAINT ck_report_closed CHECK (
            (status = 'closed') = (closed_at IS NOT NULL AND result IS NOT NULL)
        )
    ) WITH (fillfactor = 85);
    CREATE INDEX ix_report_desk_open ON report (municipality, department, urgency_rank, due_at, id)
        WHERE status <> 'closed';
    CREATE INDEX ix_report_desk_closed ON report (municipality, department, urgency_rank, due_at, id)
        WHERE status = 'closed';
    CREATE INDEX ix_report_all_open ON report (municipality, urgency_rank, due_at, id)
        WHERE status <> 'closed';
    CREATE INDEX ix_report_due ON report (municipality, department, due_at) WHERE status <> 'closed';
    CREATE INDEX ix_report_untaken ON report (municipality, department) WHERE status = 'new';
    CREATE INDEX ix_report_taken ON report (municipality, taken_by) WHERE status <> 'closed';
    CREATE INDEX ix_report_unrouted ON report (municipality) WHERE department IS NULL;
"""

# Ciphertext and the wraps of its key lie apart: wraps leave through an opening only.
_SEALED = """
    CREATE TABLE sealed (
        municipality text NOT NULL,
        report_id uuid NOT NULL,
        compartment text NOT NULL,
        subject text NOT NULL,
        content jsonb NOT NULL,
        by_person uuid,
        at timestamptz NOT NULL,
        CONSTRAINT pk_sealed PRIMARY KEY (municipality, report_id, compartment, subject),
        CONSTRAINT fk_sealed_report FOREIGN KEY (municipality, report_id)
            REFERENCES report (municipality, id) ON DELETE CASCADE
    );
    CREATE TABLE wrap (
        municipality text NOT NULL,
        report_id uuid NOT NULL,
        compartment text NOT NULL,
        subject text NOT NULL,
        key_group text NOT NULL,
        key_id text NOT NULL,
        wrapped_key text NOT NULL,
        CONSTRAINT pk_wrap PRIMARY KEY (municipality, report_id, compartment, subject, key_id),
        CONSTRAINT fk_wrap_sealed FOREIGN KEY (municipality, report_id, compartment, subject)
            REFERENCES sealed (municipality, report_id, compartment, subject) ON DELETE CASCADE
    );
    CREATE TABLE question (
        municipality text NOT NULL,
        id uuid NOT NULL,
        report_id uuid NOT NULL,
        asked_by uuid NOT NULL,
        asked_at timestamptz NOT NULL,
        CONSTRAINT pk_question PRIMARY KEY (municipality, id),
        CONSTRAINT fk_question_report FOREIGN KEY (municipality, report_id)
            REFERENCES report (municipality, id) ON DELETE CASCADE
    );
    CREATE INDEX ix_question_report ON question (municipality, report_id);
    CREATE TABLE reply (
        municipality text NOT NULL,
        id uuid NOT NULL,
        question_id uuid NOT NULL,
        given_at timestamptz NOT NULL,
        CONSTRAINT pk_reply PRIMARY KEY (municipality, id),
        CONSTRAINT fk_reply_question FOREIGN KEY (municipality, question_id)
            REFERENCES question (municipality, id) ON DELETE CASCADE
    );
    CREATE INDEX ix_reply_question ON reply (municipality, question_id);
    CREATE TABLE offer (
        municipality text NOT NULL,
        id uuid NOT NULL,
        report_id uuid NOT NULL,
        partner text NOT NULL,
        offered_at timestamptz NOT NULL DEFAULT now(),
        CONSTRAINT pk_offer PRIMARY KEY (municipality, id),
        CONSTRAINT uq_offer_partner UNIQUE (municipality, report_id, partner),
        CONSTRAINT fk_offer_report FOREIGN KEY (municipality, report_id)
            REFERENCES report (municipality, id) ON DELETE CASCADE
    );
"""

# Codes, times and ids only; the web role can add to it and read it, never change it.
_HISTORY = """
    CREATE TABLE history (
        municipality text NOT NULL,
        id bigint GENERATED ALWAYS AS IDENTITY,
        report_id uuid NOT NULL,
        version integer NOT NULL,
        at timestamptz NOT NULL DEFAULT now(),
        by_person uuid,
        what text NOT NULL,
        detail jsonb NOT NULL DEFAULT '{}',
        CONSTRAINT pk_history PRIMARY KEY (municipality, id)
    );
    CREATE INDEX ix_history_report ON history (municipality, report_id, id);
    CREATE TABLE erasure (
        municipality text NOT NULL,
        report_id uuid NOT NULL,
        reason text NOT NULL,
        ground text NOT NULL,
        by_person uuid,
        erased_at timestamptz NOT NULL,
        confirmed jsonb NOT NULL DEFAULT '{}',
        CONSTRAINT pk_erasure PRIMARY KEY (municipality, report_id)
    );
"""

_FLOW = (
    "municipality_state",
    "forms_state",
    "routing_rules",
    "report",
    "sealed",
    "wrap",
    "question",
    "reply",
    "offer",
    "history",
    "erasure",
)


def upgrade() -> None:
    """Make every table with its rights."""
    create_messaging_tables(op, "casework")
    for statements in (_STATES, _REPORT, _SEALED, _HISTORY):
        run_script(op, statements)
    for table in ("municipality_state", "forms_state", "reply", "offer", "erasure"):
        allow_web(op, "casework", table, "SELECT")
    for table in ("sealed", "wrap", "question", "history", "routing_rules"):
        allow_web(op, "casework", table, "SELECT, INSERT")
    allow_web(op, "casework", "report", "SELECT, UPDATE")
    allow_flow(op, "casework", _FLOW)
