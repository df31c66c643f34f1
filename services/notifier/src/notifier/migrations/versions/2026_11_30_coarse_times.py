"""Nothing beside a mailbox tells more than a quarter of an hour, and mails leave in rounds.

An older version may go on beside it: what it writes finer is rounded. Only its mails about work wait for the
new one: they are gathered by quarter of an hour from now on.
"""

from alembic import op
from common.coarsening import coarsen, coarsen_messaging
from common.migration import allow_flow, run_script

revision = "2026_11_30_coarse_times"
down_revision = "2026_11_30_speakers_apart"

# What a mail server sees of a mail is known here only until it was sent.
_DELIVERY = """
    ALTER TABLE delivery ADD COLUMN message_id uuid DEFAULT gen_random_uuid();
    UPDATE delivery SET created_at = notice.at FROM notice  -- two quarters would tell of their border
    WHERE notice.municipality = delivery.municipality AND notice.reporter_handle = delivery.reporter_handle
      AND notice.version = delivery.notice_version;
    UPDATE delivery SET message_id = NULL WHERE state <> 'queued';
    UPDATE delivery SET due_at = coarse(due_at) WHERE attempts = 0 OR state <> 'queued';
    ALTER TABLE delivery ALTER COLUMN due_at SET DEFAULT coarse_now();
    UPDATE delivery SET id = gen_random_uuid() WHERE state <> 'queued';  -- was the Message-ID of its mail
    DROP INDEX uq_delivery_fresh;
    CREATE UNIQUE INDEX uq_delivery_fresh ON delivery (municipality, department, urgency, created_at)
        WHERE state = 'queued' AND NOT was_claimed AND department IS NOT NULL;
"""

# When the mails of a quarter of an hour leave, drawn once for each municipality.
_ROUND = """
    CREATE TABLE mail_round (
        municipality text NOT NULL,
        quarter_at timestamptz NOT NULL,
        leaves_at timestamptz NOT NULL,
        CONSTRAINT pk_mail_round PRIMARY KEY (municipality, quarter_at),
        CONSTRAINT ck_mail_round_after CHECK (
            leaves_at >= quarter_at + interval '15 minutes' AND leaves_at < quarter_at + interval '30 minutes'
        )
    );
"""


def upgrade() -> None:
    coarsen_messaging(op)
    coarsen(op, "notice", "at", rounds=True)
    coarsen(op, "question", "asked_at", rounds=True)
    coarsen(op, "reply", "given_at")
    coarsen(op, "delivery", "created_at", "ended_at", rounds=True)
    run_script(op, _DELIVERY)
    run_script(op, _ROUND)
    coarsen(op, "mail_round", "quarter_at")
    allow_flow(op, "notifier", ("mail_round",))
