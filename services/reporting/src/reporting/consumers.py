"""What reporting does with each event it hears; batches, in any order."""

from collections.abc import Sequence
from itertools import groupby

from common.coarse import coarse_now
from common.contracts.base import Event
from common.contracts.casework import AnonymisationCorrected, ReportErased
from common.contracts.erasure import ReportingErasureConfirmed
from common.contracts.gateway import MunicipalityConfigured, Padding
from common.contracts.intake import FormsConfigured
from common.messaging import Delivery, forget_subject, publish
from common.messaging.handling import Handlers
from common.messaging.padding import let_pass
from sqlalchemy.ext.asyncio import AsyncConnection

from reporting import store
from reporting.projections import CHANGES, folded


async def merge_changes(connection: AsyncConnection, deliveries: Sequence[Delivery[Event]]) -> None:
    """Merge what the events say into rows and counts; order does not matter and repeats add nothing."""
    await store.lock_writing(connection)
    await store.apply_changes(connection, folded(delivery.event for delivery in deliveries))


async def erase_reports(connection: AsyncConnection, deliveries: Sequence[Delivery[ReportErased]]) -> None:
    """Delete the rows, keep month × type counts, bar what comes later, and say that it is gone.

    A report that was not counted yet leaves no count.
    """
    await store.lock_writing(connection)
    events = sorted((delivery.event for delivery in deliveries), key=lambda event: event.municipality)
    now = coarse_now()
    for municipality, group in groupby(events, key=lambda event: event.municipality):
        ids = sorted({event.report_id for event in group})
        await store.erase_rows(connection, municipality, ids)
        await forget_subject(connection, municipality, *map(str, ids))
        await publish(
            connection,
            *(
                ReportingErasureConfirmed(municipality=municipality, report_id=report_id, confirmed_at=now)
                for report_id in ids
            ),
        )


async def count_corrections(
    connection: AsyncConnection, deliveries: Sequence[Delivery[AnonymisationCorrected]]
) -> None:
    """Count per month and class what people found that the anonymiser missed or hid by mistake."""
    await store.lock_writing(connection)
    await store.add_corrections(connection, [delivery.event for delivery in deliveries])


async def configure_forms(
    connection: AsyncConnection, deliveries: Sequence[Delivery[FormsConfigured]]
) -> None:
    """Keep the names of signal types from the highest version."""
    await store.lock_writing(connection)
    for delivery in deliveries:
        await store.keep_forms(connection, delivery.event)


async def configure_municipality(
    connection: AsyncConnection, deliveries: Sequence[Delivery[MunicipalityConfigured]]
) -> None:
    """Keep the names of departments and neighbourhoods from the highest version."""
    await store.lock_writing(connection)
    for delivery in deliveries:
        await store.keep_municipality(connection, delivery.event)


HANDLERS: Handlers = {
    **dict.fromkeys(CHANGES, merge_changes),
    ReportErased: erase_reports,
    AnonymisationCorrected: count_corrections,
    FormsConfigured: configure_forms,
    MunicipalityConfigured: configure_municipality,
    Padding: let_pass,
}
