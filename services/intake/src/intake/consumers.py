"""What intake hears: how a municipality is configured, and that a report was erased."""

from collections.abc import Sequence

from common.coarse import coarse_now
from common.contracts.casework import ReportErased
from common.contracts.erasure import IntakeErasureConfirmed
from common.contracts.gateway import MunicipalityConfigured, Padding
from common.log import get_logger
from common.messaging import Delivery, Unprocessable, forget_subject, publish
from common.messaging.handling import Handlers
from common.messaging.padding import let_pass
from common.vouching import NotVouched, raise_alarm
from sqlalchemy.ext.asyncio import AsyncConnection

from intake import store
from intake.attachments import Attachments
from intake.domain import FormSet
from intake.offered import adopt_seed, forms_configured
from intake.signers import Signers

log = get_logger()


def handlers(seed: FormSet, attachments: Attachments, signers: Signers) -> Handlers:
    """The handler of each event that intake hears.

    A state whose keys or protections the pinned signer does not vouch for is parked with an alarm; the one
    before it counts.
    """

    async def municipality_configured(
        connection: AsyncConnection, deliveries: Sequence[Delivery[MunicipalityConfigured]]
    ) -> None:
        for delivery in deliveries:
            state = delivery.event
            if await store.keep_municipality(connection, state):
                await _follow(signers, connection, state)
            else:
                await _compare(connection, state)
            offered = await adopt_seed(connection, state.municipality, seed)
            # Each time, so that `python -m gateway republish` also brings forms to a new hearer.
            await publish(connection, forms_configured(state.municipality, offered))

    async def report_erased(
        connection: AsyncConnection, deliveries: Sequence[Delivery[ReportErased]]
    ) -> None:
        for delivery in deliveries:
            await attachments.erase(connection, delivery.event.municipality, delivery.event.report_id)
        await forget_reports(connection, deliveries)

    return {
        MunicipalityConfigured: municipality_configured,
        ReportErased: report_erased,
        Padding: let_pass,
    }


async def forget_reports(connection: AsyncConnection, deliveries: Sequence[Delivery[ReportErased]]) -> None:
    """Forget what leads to the reporter and drop everything of the report that is still in flight."""
    for delivery in deliveries:
        event = delivery.event
        await store.erase_submission(connection, event.municipality, event.report_id)
        await forget_subject(connection, event.municipality, str(event.report_id), str(event.reporter_handle))
        await publish(
            connection,
            IntakeErasureConfirmed(
                municipality=event.municipality, report_id=event.report_id, confirmed_at=coarse_now()
            ),
        )


async def _compare(connection: AsyncConnection, state: MunicipalityConfigured) -> None:
    """Raise an alarm where another state is kept under this version; what is newer is told, for a look."""
    kept = await store.kept_state(connection, state.municipality)
    if kept is None or kept.version > state.version:
        log.info("municipality.kept_newer", municipality=state.municipality, version=state.version)
    elif _vouched_for(kept) != _vouched_for(state):
        raise_alarm("heard", state.municipality, "other-state")


def _vouched_for(state: MunicipalityConfigured) -> tuple[object, ...]:
    return state.keys, state.signers, state.protections, state.text_in_clear


async def _follow(signers: Signers, connection: AsyncConnection, state: MunicipalityConfigured) -> None:
    try:
        await signers.follow(connection, state)
    except NotVouched as error:
        raise_alarm("heard", state.municipality, str(error))
        raise Unprocessable(f"a state that nobody trusted vouches for ({error})") from error
