"""What each hearer of an erasure answers: it is gone here."""

from typing import ClassVar
from uuid import UUID

from common.contracts.base import Event, Moment


class ErasureConfirmed(Event):
    """One service has erased what it held; subclasses name the service that speaks."""

    outlives_erasure: ClassVar[bool] = True
    when: ClassVar[str | None] = "confirmed_at"

    report_id: UUID
    confirmed_at: Moment


class IntakeErasureConfirmed(ErasureConfirmed):
    """Intake has erased what it held of the report."""

    name: ClassVar[str] = "intake.erasure-confirmed.v1"


class NotifierErasureConfirmed(ErasureConfirmed):
    """The notifier has erased mailbox, messages and address."""

    name: ClassVar[str] = "notifier.erasure-confirmed.v1"


class ReportingErasureConfirmed(ErasureConfirmed):
    """Reporting has erased the row; month × type counts remain."""

    name: ClassVar[str] = "reporting.erasure-confirmed.v1"
