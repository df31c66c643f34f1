"""Nothing beside a report tells more than a quarter of an hour, or which of two reports came first.

An older version may go on beside it: what it writes finer is rounded, and lines of history that it writes
without a number get one. Rewrites the rows that hold a fine time, and the whole history.
"""

from alembic import op
from common.coarsening import coarsen, coarsen_messaging
from common.migration import run_script

revision = "2026_11_30_coarse_times"
down_revision = "2026_11_30_speakers_apart"

# One row of numbers for all reports told their order; now each report has its own, from 1.
_HISTORY = """
    ALTER TABLE history ALTER COLUMN id DROP IDENTITY;
    ALTER TABLE history DROP CONSTRAINT pk_history;
    DROP INDEX ix_history_report;
    UPDATE history SET id = numbered.number FROM (
        SELECT ctid, row_number() OVER (PARTITION BY municipality, report_id ORDER BY id) AS number
        FROM history
    ) AS numbered WHERE history.ctid = numbered.ctid;
    ALTER TABLE history ADD CONSTRAINT pk_history PRIMARY KEY (municipality, report_id, id);
    CREATE FUNCTION number_history() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
        SELECT coalesce(max(id), 0) + 1 INTO NEW.id FROM history
        WHERE municipality = NEW.municipality AND report_id = NEW.report_id;
        RETURN NEW;
    END $$;
    CREATE TRIGGER number BEFORE INSERT ON history FOR EACH ROW
        WHEN (NEW.id IS NULL) EXECUTE FUNCTION number_history();
"""

# What happened at once with a report's coming has its time: two quarters would tell of their border.
_WITH_THE_REPORT = """
    UPDATE history SET at = report.received_at FROM report
    WHERE report.municipality = history.municipality AND report.id = history.report_id
      AND history.version = 1 AND history.what IN ('received', 'routed');
    UPDATE offer SET offered_at = report.received_at FROM report
    WHERE report.municipality = offer.municipality AND report.id = offer.report_id AND report.version = 1;
"""

# Words could name the reporter; what they said is gone with the report.
_GROUNDS = """
    UPDATE erasure SET ground = CASE WHEN ground = 'closed as incorrect' THEN 'incorrect' ELSE 'other' END;
    CREATE FUNCTION wipe_ground() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
        NEW.ground := CASE WHEN NEW.ground = 'closed as incorrect' THEN 'incorrect' ELSE 'other' END;
        RETURN NEW;
    END $$;
    CREATE TRIGGER wipe_ground BEFORE INSERT OR UPDATE ON erasure FOR EACH ROW
        WHEN (NEW.ground NOT IN ({codes})) EXECUTE FUNCTION wipe_ground();
    ALTER TABLE erasure ADD CONSTRAINT ck_erasure_ground CHECK (ground IN ({codes}));
"""
_CODES = (
    "not-needed",
    "consent-withdrawn",
    "objection",
    "unlawful",
    "legal-duty",
    "incorrect",
    "term-ended",
    "other",
)

# The time of each confirmation stands in JSON, where no constraint looks.
_CONFIRMED = """
    UPDATE erasure SET confirmed = (
        SELECT coalesce(jsonb_object_agg(key, coarse(value::timestamptz)), '{}')
        FROM jsonb_each_text(confirmed)
    );
"""


def upgrade() -> None:
    coarsen_messaging(op)
    run_script(op, _HISTORY)
    coarsen(op, "history", "at")
    coarsen(op, "report", "received_at", "received_elsewhere_at", "due_at")
    coarsen(op, "report", "taken_at", "closed_at", rounds=True)
    coarsen(op, "sealed", "at", rounds=True)
    coarsen(op, "question", "asked_at", rounds=True)
    coarsen(op, "reply", "given_at", rounds=True)
    coarsen(op, "offer", "offered_at")
    coarsen(op, "erasure", "erased_at", rounds=True)
    run_script(op, _WITH_THE_REPORT)
    run_script(op, _CONFIRMED)
    run_script(op, _GROUNDS.format(codes=", ".join(f"'{code}'" for code in _CODES)))
