"""Who speaks what and who hears it: the whole system on one page.

Consumers, bindings, broker permissions, AsyncAPI and docs/events.md are made from this table.
"""

from common.contracts.base import Event
from common.contracts.casework import (
    AnonymisationCorrected,
    NoticeDue,
    QuestionAsked,
    ReportClosed,
    ReportErased,
    ReportOffered,
    ReportReopened,
    ReportRouted,
    ReportStatusChanged,
    ReportTaken,
    WorkArrived,
)
from common.contracts.erasure import (
    IntakeErasureConfirmed,
    NotifierErasureConfirmed,
    ReportingErasureConfirmed,
)
from common.contracts.gateway import MunicipalityConfigured, Padding
from common.contracts.intake import FormsConfigured, MailboxOpened, ReportCounted, ReportReceived
from common.contracts.notifier import DeliveryFailed, FeedbackSent, ReplyGiven

SERVICES = ("intake", "casework", "notifier", "reporting", "gateway")

#: Heard by partner agencies on queues of their own, each bound to its own routing key only.
PARTNERS = "partners"

HEARD_BY: dict[type[Event], tuple[str, ...]] = {
    # intake
    ReportReceived: ("casework",),
    ReportCounted: ("reporting",),
    MailboxOpened: ("notifier",),
    FormsConfigured: ("casework", "reporting"),
    IntakeErasureConfirmed: ("casework",),
    # casework
    ReportRouted: ("reporting",),
    ReportTaken: ("reporting",),
    ReportStatusChanged: ("reporting",),
    ReportClosed: ("reporting",),
    ReportReopened: ("reporting",),
    AnonymisationCorrected: ("reporting",),
    NoticeDue: ("notifier",),
    QuestionAsked: ("notifier",),
    WorkArrived: ("notifier",),
    ReportOffered: (PARTNERS,),
    ReportErased: ("intake", "notifier", "reporting"),
    # notifier
    ReplyGiven: ("casework",),
    FeedbackSent: ("casework",),
    DeliveryFailed: ("casework",),
    NotifierErasureConfirmed: ("casework",),
    # reporting
    ReportingErasureConfirmed: ("casework",),
    # gateway
    MunicipalityConfigured: ("intake", "casework", "notifier", "reporting"),
    Padding: ("intake", "casework", "notifier", "reporting"),
}

BY_TYPE: dict[str, type[Event]] = {event.event_type(): event for event in HEARD_BY}


def heard_by(service: str) -> tuple[type[Event], ...]:
    """The events that a service's queue is bound to, in the table's order."""
    return tuple(event for event, hearers in HEARD_BY.items() if service in hearers)


def spoken_by(service: str) -> tuple[type[Event], ...]:
    """The events that a service may publish."""
    return tuple(event for event in HEARD_BY if event.speaker() == service)
