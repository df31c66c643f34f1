"""Intake's own settings."""

from common.settings import ServiceSettings


class IntakeSettings(ServiceSettings):
    """Settings of the intake process."""

    notifier_public_key: str  # base64url X25519; addresses for notices are sealed to it
    writer_queue_size: int = 512  # reports waiting for a group commit; full means 503
    writer_batch: int = 64  # reports in one group commit
    writer_count: int = 2  # group commits at the same time
