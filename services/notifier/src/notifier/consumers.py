"""What the notifier does with each event it hears; batches, in any order."""

from collections.abc import Callable, Sequence
from uuid import UUID

from common.coarse import coarse_now
from common.contracts.casework import NoticeDue, QuestionAsked, ReportErased, WorkArrived
from common.contracts.erasure import NotifierErasureConfirmed
from common.contracts.gateway import MunicipalityConfigured, Padding
from common.contracts.intake import MailboxOpened
from common.messaging import Delivery, forget_subject, publish
from common.messaging.handling import Handler, Handlers
from common.messaging.padding import let_pass
from sqlalchemy.ext.asyncio import AsyncConnection

from notifier import store

#: The second of a quarter of an hour at which its mails leave, drawn anew; None: they leave at once.
Draw = Callable[[], int | None]


class NotConfiguredYet(Exception):
    """The municipality was not heard of yet, so nobody's address is known: the event waits its turn."""


def _opening_mailboxes(draw: Draw) -> Handler:
    async def open_mailboxes(
        connection: AsyncConnection, deliveries: Sequence[Delivery[MailboxOpened]]
    ) -> None:
        events = [delivery.event for delivery in deliveries]
        await store.add_mailboxes(connection, events)
        with_address = [event for event in events if event.sealed_address is not None]
        await store.queue_notices(connection, map(_reporter, with_address), draw())

    return open_mailboxes


def _keeping_notices(draw: Draw) -> Handler:
    async def keep_notices(connection: AsyncConnection, deliveries: Sequence[Delivery[NoticeDue]]) -> None:
        events = [delivery.event for delivery in deliveries]
        await store.add_notices(connection, events)
        await store.queue_notices(connection, map(_reporter, events), draw())

    return keep_notices


async def keep_questions(connection: AsyncConnection, deliveries: Sequence[Delivery[QuestionAsked]]) -> None:
    """Put questions in their mailboxes."""
    await store.add_questions(connection, [delivery.event for delivery in deliveries])


async def configure_municipality(
    connection: AsyncConnection, deliveries: Sequence[Delivery[MunicipalityConfigured]]
) -> None:
    """Keep names and department addresses from the highest version."""
    for delivery in sorted(deliveries, key=lambda each: (each.event.municipality, each.event.version)):
        await store.keep_municipality(connection, delivery.event)


async def erase_reporters(connection: AsyncConnection, deliveries: Sequence[Delivery[ReportErased]]) -> None:
    """Delete mailbox, notices, questions and mails, bar what comes later, and say that it is gone."""
    events = sorted((delivery.event for delivery in deliveries), key=lambda event: str(event.reporter_handle))
    now = coarse_now()
    for event in events:
        await store.erase_reporter(connection, event.municipality, event.reporter_handle)
        await forget_subject(connection, event.municipality, str(event.reporter_handle))
        confirmed = NotifierErasureConfirmed(
            municipality=event.municipality, report_id=event.report_id, confirmed_at=now
        )
        await publish(connection, confirmed)


def _reporter(event: MailboxOpened | NoticeDue) -> tuple[str, UUID]:
    return event.municipality, event.reporter_handle


def handlers(draw: Draw) -> Handlers:
    """Every handler: mailboxes show at once what is new, mails leave in the round of its quarter of an hour.

    So do mails about work; those about acute work leave a minute after its quarter.
    """
    return {
        MailboxOpened: _opening_mailboxes(draw),  # and queue what reporters should have heard before
        NoticeDue: _keeping_notices(draw),
        QuestionAsked: keep_questions,
        WorkArrived: _telling_departments(draw),
        ReportErased: erase_reporters,
        MunicipalityConfigured: configure_municipality,
        Padding: let_pass,
    }


def _telling_departments(draw: Draw) -> Handler:
    async def tell_departments(
        connection: AsyncConnection, deliveries: Sequence[Delivery[WorkArrived]]
    ) -> None:
        events = [delivery.event for delivery in deliveries]
        known = await store.known_municipalities(connection, {event.municipality for event in events})
        if any(event.municipality not in known for event in events):
            raise NotConfiguredYet
        await store.queue_work(connection, events, draw())

    return tell_departments
