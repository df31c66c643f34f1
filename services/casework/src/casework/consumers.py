"""What casework does with each event it hears; batches, in any order."""

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID, uuid4

from common.coarse import CoarseTime, coarse_now
from common.contracts.base import Event
from common.contracts.casework import (
    NoticeDue,
    ReportOffered,
    ReportReopened,
    ReportRouted,
    ReportStatusChanged,
    WorkArrived,
)
from common.contracts.codes import FeedbackKey, Status, Urgency
from common.contracts.erasure import (
    ErasureConfirmed,
    IntakeErasureConfirmed,
    NotifierErasureConfirmed,
    ReportingErasureConfirmed,
)
from common.contracts.gateway import MunicipalityConfigured, Padding, Partner
from common.contracts.intake import FormsConfigured, ReportReceived
from common.contracts.notifier import DeliveryFailed, FeedbackSent, ReplyGiven
from common.messaging import Delivery, publish, publish_at
from common.messaging.handling import Handlers, Unprocessable
from common.messaging.padding import let_pass
from common.vouching import raise_alarm
from sqlalchemy import RowMapping
from sqlalchemy.ext.asyncio import AsyncConnection

from casework import domain
from casework.domain import Rule
from casework.store import incoming
from casework.store.parts import sealed_of
from casework.store.rules import rules_of
from casework.store.states import forms_of, town_of


@dataclass(frozen=True)
class _Desk:
    """How a municipality routes now."""

    rules: tuple[Rule, ...]
    rules_version: int
    catch_all: str
    offered_to: Mapping[str, tuple[str, ...]]  # signal type → partners that its author names
    partners: tuple[Partner, ...]


async def receive_reports(
    connection: AsyncConnection, deliveries: Sequence[Delivery[ReportReceived]]
) -> None:
    """Store reports, give each its desk and its due time, and tell everyone concerned.

    A report whose municipality is not configured yet is stored without a desk and routed the moment the
    configuration is heard; it is neither lost nor parked.
    """
    events = [delivery.event for delivery in deliveries]
    await incoming.share_configuration(connection, (event.municipality for event in events))
    towns, desks = await _desks(connection, [event.municipality for event in events])
    events = [_without_forbidden_text(event, towns.get(event.municipality)) for event in events]
    rows = [_report_row(event, desks.get(event.municipality)) for event in events]
    for event in events:
        if (
            event.voucher is None
        ):  # kept, for it may be from an older intake; no page shows it as the reporter's
            raise_alarm("received", event.municipality, "no-voucher")
    await incoming.add_reports(connection, rows)
    await incoming.add_sealed(connection, [sealed for event in events for sealed in sealed_of(event)])
    routed = [row for row in rows if row["department"]]
    told = await _routing_told(connection, routed, desks)
    await incoming.add_history(connection, [*map(_received_line, rows), *map(_routed_line, routed)])
    await publish(connection, *(_notice(row, FeedbackKey.RECEIVED, 1, row["happened_at"]) for row in rows))
    await publish_at(connection, *told)


async def configure_municipality(
    connection: AsyncConnection, deliveries: Sequence[Delivery[MunicipalityConfigured]]
) -> None:
    """Keep the highest version, and route what waited for it."""
    for delivery in sorted(deliveries, key=lambda each: (each.event.municipality, each.event.version)):
        event = delivery.event
        await incoming.own_configuration(connection, event.municipality)
        await incoming.keep_state(connection, "municipality_state", event, event.version)
        await _route_waiting(connection, event.municipality)


async def configure_forms(
    connection: AsyncConnection, deliveries: Sequence[Delivery[FormsConfigured]]
) -> None:
    """Keep the highest version, and route what waited for it."""
    for delivery in sorted(deliveries, key=lambda each: (each.event.municipality, each.event.version)):
        event = delivery.event
        await incoming.own_configuration(connection, event.municipality)
        await incoming.keep_state(connection, "forms_state", event, event.version)
        await _route_waiting(connection, event.municipality)


async def take_replies(connection: AsyncConnection, deliveries: Sequence[Delivery[ReplyGiven]]) -> None:
    """Keep what reporters answered, sealed, and put their reports back to work.

    A closed report comes back to who had it, without a result, and is due again from the answer on.
    A reply to a question that was never asked of this reporter is parked.
    """
    for delivery in sorted(deliveries, key=lambda each: str(each.event.reporter_handle)):
        await _take_reply(connection, delivery.event)


async def note_feedback(
    connection: AsyncConnection, deliveries: Sequence[Delivery[FeedbackSent | DeliveryFailed]]
) -> None:
    """Note in the history what reached the reporter and what did not."""
    events = [delivery.event for delivery in deliveries]
    pairs = [(event.municipality, event.reporter_handle) for event in events]
    reports = await incoming.reports_of_handles(connection, pairs)
    lines = [
        {
            "municipality": event.municipality,
            "report_id": found[0],
            "version": found[1],
            "at": event.happened_at,
            "what": "feedback-sent" if isinstance(event, FeedbackSent) else "delivery-failed",
            "detail": {"template": event.template, "channel": event.channel, "attempt": event.attempt},
        }
        for event, pair in zip(events, pairs, strict=True)
        if (found := reports.get(pair))
    ]
    await incoming.add_history(connection, lines)


async def confirm_erasures(
    connection: AsyncConnection, deliveries: Sequence[Delivery[ErasureConfirmed]]
) -> None:
    """Complete the certificates of erasure."""
    for delivery in sorted(deliveries, key=lambda each: str(each.event.report_id)):
        event = delivery.event
        await incoming.confirm_erasure(
            connection,
            event.municipality,
            event.report_id,
            event.speaker(),
            event.confirmed_at.isoformat(),
        )


def _without_forbidden_text(event: ReportReceived, town: MunicipalityConfigured | None) -> ReportReceived:
    """The report, without a text in clear, and with an alarm, where the municipality forbids that."""
    if event.anonymised_text is None or town is None or not town.forbids_text:
        return event
    raise_alarm("received", event.municipality, "text-forbidden")
    return event.model_copy(update={"anonymised_text": None})


def _report_row(event: ReportReceived, desk: _Desk | None) -> dict[str, Any]:
    choices = {
        code: list(answer) if isinstance(answer, tuple) else answer
        for code, answer in event.choice_answers.items()
    }
    row = event.model_dump(
        include={
            "municipality",
            "signal_type",
            "forms_version",
            "neighbourhood",
            "observed_on",
            "received_at",
            "received_elsewhere_at",
            "reporter_kind",
            "is_traceable",
            "is_restricted",
            "anonymised_text",
            "needs_review",
            "reporter_public_key",
            "reporter_handle",
        }
    )
    row |= {
        "id": event.report_id,
        "choice_answers": json.dumps(choices),
        "voucher": event.voucher.model_dump_json(by_alias=True) if event.voucher else None,
        "urgency": event.urgency.value,
        "urgency_rank": event.urgency.rank,
        "channel": event.channel.value,
        "has_identity": event.sealed_identity is not None,
        "due_at": domain.due_at(event.received_at, event.urgency.value),
        "happened_at": event.received_at,  # and all that follows from it at once
    }
    return row | _routing(row, desk)


def _routing(row: Mapping[str, Any], desk: _Desk | None) -> dict[str, Any]:
    if desk is None:
        return {"department": None, "rule": None, "rules_version": None}
    facts = {
        "signalType": row["signal_type"],
        "urgency": row["urgency"],
        "neighbourhood": row["neighbourhood"],
        "reporterKind": row["reporter_kind"],
        "channel": row["channel"],
    }
    rule = domain.route(desk.rules, facts, desk.catch_all)
    return {"department": rule.department, "rule": rule.name, "rules_version": desk.rules_version}


async def _desks(
    connection: AsyncConnection, municipalities: Sequence[str]
) -> tuple[dict[str, MunicipalityConfigured], dict[str, _Desk]]:
    """The state of each municipality, and how those route that are configured in full."""
    found = await incoming.read_configuration(connection, municipalities)
    towns = {code: town_of(row["town"]) for code, row in found.items() if row["town"]}
    rows = {code: found[code] for code in towns if found[code]["forms"]}
    return towns, {code: _desk(towns[code], forms_of(row["forms"]), row) for code, row in rows.items()}


def _desk(town: MunicipalityConfigured, forms: FormsConfigured, row: RowMapping) -> _Desk:
    departments = frozenset(department.code for department in town.departments)
    proposed = {kind.code: kind.department for kind in forms.signal_types}
    own = row["rules"] is not None
    rules = rules_of(row["rules"]) if own else domain.default_rules(proposed, departments)
    return _Desk(
        rules=tuple(rule for rule in rules if rule.department in departments),
        rules_version=row["rules_version"] or 0,
        catch_all=town.catch_all_department,
        offered_to={kind.code: kind.partners for kind in forms.signal_types if not kind.is_restricted},
        partners=town.partners,
    )


async def _route_waiting(connection: AsyncConnection, municipality: str) -> None:
    _, desks = await _desks(connection, [municipality])
    if municipality not in desks:
        return
    waiting = await incoming.take_unrouted(connection, municipality)
    if not waiting:
        return
    now = coarse_now()
    rows = [{**row, **_routing(dict(row), desks[municipality]), "happened_at": now} for row in waiting]
    await incoming.set_routes(connection, rows)
    told = await _routing_told(connection, rows, desks)
    await incoming.add_history(connection, [_routed_line(row) for row in rows])
    await publish_at(connection, *told)


async def _routing_told(
    connection: AsyncConnection, rows: Sequence[Mapping[str, Any]], desks: Mapping[str, _Desk]
) -> list[tuple[Event, CoarseTime]]:
    """What the others hear of reports that have a desk now; which offers were made is remembered here.

    It has the time of what it follows from: the clock, read again, could tell of another quarter.
    """
    told: list[tuple[Event, CoarseTime]] = [(_routed(row), row["happened_at"]) for row in rows]
    arrived = Counter(
        (row["municipality"], row["department"], row["urgency"], row["happened_at"]) for row in rows
    )
    for (municipality, department, urgency, at), count in sorted(arrived.items()):
        work = WorkArrived(
            municipality=municipality,
            department=department,
            urgency=Urgency(urgency),
            count=count,
            arrived_at=at,
        )
        told.append((work, at))
    offers = [offer for row in rows for offer in _offers(row, desks[row["municipality"]])]
    await incoming.add_offers(connection, [{**known, "id": event.offer_id} for known, event in offers])
    return [*told, *((event, known["offered_at"]) for known, event in offers)]


def _routed(row: Mapping[str, Any]) -> ReportRouted:
    return ReportRouted(
        municipality=row["municipality"],
        report_id=row["id"],
        version=row.get("version", 1),
        department=row["department"],
        rule=row["rule"],
        rules_version=row["rules_version"],
        due_at=row["due_at"],
        routed_at=row["happened_at"],
    )


def _line(row: Mapping[str, Any], what: str) -> dict[str, Any]:
    about = {"municipality": row["municipality"], "report_id": row["id"], "at": row["happened_at"]}
    return {**about, "version": row.get("version", 1), "what": what}


def _received_line(row: Mapping[str, Any]) -> dict[str, Any]:
    return {**_line(row, "received"), "id": 1}


def _routed_line(row: Mapping[str, Any]) -> dict[str, Any]:
    detail = {"department": row["department"], "rule": row["rule"], "rulesVersion": row["rules_version"]}
    is_second = "version" not in row  # of a report that came just now
    return {**_line(row, "routed"), "id": 2 if is_second else None, "detail": detail}


def _offers(row: Mapping[str, Any], desk: _Desk) -> list[tuple[dict[str, Any], ReportOffered]]:
    """One offer for each partner that both the signal type and its own subscription name."""
    if not domain.is_offered(is_restricted=row["is_restricted"], is_traceable=row["is_traceable"]):
        return []
    named = desk.offered_to.get(row["signal_type"], ())
    return [
        (
            {
                "municipality": row["municipality"],
                "report_id": row["id"],
                "partner": partner.code,
                "offered_at": row["happened_at"],
            },
            ReportOffered(
                municipality=row["municipality"],
                offer_id=uuid4(),
                partner=partner.code,
                signal_type=row["signal_type"],
                urgency=Urgency(row["urgency"]),
                neighbourhood=row["neighbourhood"],
                due_at=row["due_at"],
                ground=partner.subscription.ground,
            ),
        )
        for partner in desk.partners
        if partner.subscription
        and partner.code in named
        and row["signal_type"] in partner.subscription.signal_types
    ]


async def _take_reply(connection: AsyncConnection, event: ReplyGiven) -> None:
    report = await incoming.lock_asked(
        connection, event.municipality, event.question_id, event.reporter_handle
    )
    if report is None:
        raise Unprocessable("a reply to a question that was not asked of this reporter")
    if not await incoming.add_reply(
        connection, event.municipality, event.reply_id, event.question_id, event.given_at, event.signature
    ):
        return
    version, was = report["version"] + 1, report["status"]
    status = domain.status_after_reply(was)
    await incoming.add_sealed(connection, [(_reply_row(event, report["id"]), event.sealed_reply)])
    is_back = was == domain.CLOSED
    due_at = domain.due_at(event.given_at, report["urgency"]) if is_back else report["due_at"]
    await incoming.mark_replied(connection, event.municipality, report["id"], status, due_at)
    about = {"municipality": event.municipality, "report_id": report["id"], "version": version}
    line = {**about, "at": event.given_at}
    detail = {"questionId": str(event.question_id), "status": status}
    lines = [{**line, "what": "reply-given", "detail": detail}]
    await incoming.add_history(connection, [*lines, {**line, "what": "reopened"}] if is_back else lines)
    handle = {"municipality": event.municipality, "reporter_handle": event.reporter_handle}
    await publish(connection, _notice(handle, FeedbackKey.REPLY_RECEIVED, version, event.given_at))
    if is_back:
        await publish(connection, ReportReopened(**about, due_at=due_at, reopened_at=event.given_at))
    if was != status:
        moved = ReportStatusChanged(**about, status=Status(status), changed_at=event.given_at)
        await publish(connection, moved)


def _reply_row(event: ReplyGiven, report_id: UUID) -> dict[str, Any]:
    # The sealing context binds a reply to its question; a second reply needs a place of its own.
    return {
        "municipality": event.municipality,
        "report_id": report_id,
        "compartment": "reply",
        "subject": f"{event.question_id}/{event.reply_id}",
        "by_person": None,
        "at": event.given_at,
    }


def _notice(row: Mapping[str, Any], feedback: FeedbackKey, version: int, at: CoarseTime) -> NoticeDue:
    return NoticeDue(
        municipality=row["municipality"],
        reporter_handle=row["reporter_handle"],
        feedback=feedback,
        version=version,
        due_at=at,
    )


HANDLERS: Handlers = {
    ReportReceived: receive_reports,
    MunicipalityConfigured: configure_municipality,
    Padding: let_pass,
    FormsConfigured: configure_forms,
    ReplyGiven: take_replies,
    FeedbackSent: note_feedback,
    DeliveryFailed: note_feedback,
    IntakeErasureConfirmed: confirm_erasures,
    NotifierErasureConfirmed: confirm_erasures,
    ReportingErasureConfirmed: confirm_erasures,
}
