"""Forms of each municipality: every version of every part, drafts, and who did what."""

from alembic import op
from common.migration import allow_flow, allow_web, run_script

revision = "2026_11_25_forms"
down_revision = "2026_11_25_outbox_plain"


def upgrade() -> None:
    """Versions are counted per municipality, so that one number fixes a type and the general questions."""
    run_script(
        op,
        """
        ALTER TABLE forms_state ADD COLUMN seed_version text NOT NULL DEFAULT '';
        CREATE TABLE form_version (
            municipality text NOT NULL,
            code text NOT NULL,
            version integer NOT NULL,
            origin text NOT NULL,
            document jsonb NOT NULL,
            digest bytea NOT NULL,
            seed_digest bytea,
            published_by uuid,
            published_at timestamptz NOT NULL,
            CONSTRAINT pk_form_version PRIMARY KEY (municipality, code, version),
            CONSTRAINT ck_form_version_origin CHECK (origin IN ('seed', 'own')),
            CONSTRAINT ck_form_version_digest CHECK (length(digest) = 32),
            CONSTRAINT ck_form_version_version CHECK (version > 0)
        );
        CREATE TABLE form_draft (
            municipality text NOT NULL,
            code text NOT NULL,
            revision integer NOT NULL,
            based_on integer NOT NULL,
            document jsonb NOT NULL,
            edited_by uuid NOT NULL,
            edited_at timestamptz NOT NULL,
            CONSTRAINT pk_form_draft PRIMARY KEY (municipality, code)
        );
        CREATE TABLE form_audit (
            municipality text NOT NULL,
            id bigint GENERATED ALWAYS AS IDENTITY,
            code text NOT NULL,
            what text NOT NULL,
            number integer NOT NULL,
            person uuid,
            at timestamptz NOT NULL,
            CONSTRAINT pk_form_audit PRIMARY KEY (municipality, id),
            CONSTRAINT ck_form_audit_what CHECK (
                what IN ('draft-saved', 'draft-discarded', 'published', 'seed-adopted')
            )
        );
        """,
    )
    op.execute("GRANT UPDATE ON forms_state TO intake_web")
    allow_web(op, "intake", "form_version", "SELECT, INSERT")
    allow_web(op, "intake", "form_draft", "SELECT, INSERT, UPDATE, DELETE")
    allow_web(op, "intake", "form_audit", "SELECT, INSERT")
    allow_flow(op, "intake", ("form_version", "form_audit"), "SELECT, INSERT")
