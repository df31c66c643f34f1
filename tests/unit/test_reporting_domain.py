"""Reporting's merge does not care in which order, or how often, it hears of a report."""

import random
from datetime import UTC, date, datetime
from uuid import UUID, uuid4

import pytest
from common.contracts.base import Event
from common.contracts.casework import (
    ReportClosed,
    ReportReopened,
    ReportRouted,
    ReportStatusChanged,
    ReportTaken,
)
from common.contracts.codes import Channel, Result, Status, Urgency
from common.contracts.intake import ReportCounted
from common.errors import Malformed
from common.flow import heard_by
from reporting.consumers import HANDLERS
from reporting.domain import months_between
from reporting.filters import ExportRequest, Permitted, read_request
from reporting.projections import folded


def life(report_id: UUID) -> list[Event]:
    """A report that was closed, reopened, taken by another department and closed again."""

    def at(day: int) -> datetime:
        return datetime(2026, 3, day, 12, tzinfo=UTC)

    about = {"municipality": "testdam", "report_id": report_id}
    return [
        ReportCounted(
            **about,
            signal_type="drugs",
            is_restricted=False,
            urgency=Urgency.HIGH,
            channel=Channel.FORM,
            reporter_kind="inwoner",
            received_on=date(2026, 3, 1),
        ),
        ReportRouted(
            **about,
            version=1,
            department="oov",
            rule="last",
            rules_version=1,
            due_at=at(9),
            routed_at=at(1),
        ),
        ReportTaken(**about, version=2, department="oov", taken_at=at(2)),
        ReportStatusChanged(**about, version=2, status=Status.ASSESSING, changed_at=at(2)),
        ReportClosed(**about, version=3, result=Result.RECORDED, closed_at=at(3)),
        ReportReopened(**about, version=4, reopened_at=at(4)),
        ReportTaken(**about, version=5, department="wonen", taken_at=at(5)),
        ReportStatusChanged(**about, version=5, status=Status.ASSESSING, changed_at=at(5)),
        ReportClosed(**about, version=6, result=Result.CARE, closed_at=at(6)),
    ]


def test_every_order_and_repetition_gives_the_same_change() -> None:
    order = random.Random(7)  # noqa: S311
    for _ in range(200):
        events = life(uuid4())
        length = order.randint(1, len(events))
        heard = events[:length]
        straight = folded(heard)
        shuffled = heard + order.choices(heard, k=4)
        order.shuffle(shuffled)
        assert folded(shuffled) == straight
        (change,) = straight
        assert change.status is None or change.status[1] == {
            3: "assessing",
            4: "assessing",
            5: "closed",
            6: "reopened",
            7: "reopened",
            8: "assessing",
            9: "closed",
        }.get(length)


def test_the_handlers_are_exactly_what_flow_says() -> None:
    assert set(HANDLERS) == set(heard_by("reporting"))


def test_months_cross_the_year() -> None:
    months = months_between(date(2025, 11, 1), date(2026, 2, 1))
    assert [month.isoformat()[:7] for month in months] == ["2025-11", "2025-12", "2026-01", "2026-02"]


def read(*given: tuple[str, str], needs_purpose: bool = False, header: str | None = None) -> ExportRequest:
    permitted = Permitted(frozenset({"drugs", "wonen"}), frozenset({"oov"}))
    return read_request(given, permitted, header_purpose=header, needs_purpose=needs_purpose)


def test_an_empty_request_exports_everything_the_safe_way() -> None:
    request = read()
    assert (request.separator, request.bom, request.headers, request.purpose) == (",", False, "nl", None)
    assert request.columns[0] == "reportId"


@pytest.mark.parametrize(
    ("name", "value", "permitted"),
    [
        ("from", "01-02-2026", "YYYY-MM-DD"),
        ("to", "2026-02-30", "YYYY-MM-DD"),
        ("from", "20260201", "YYYY-MM-DD"),
        ("signalType", "wapens", "drugs, wonen"),
        ("department", "jeugd", "oov"),
        ("status", "open", "waiting-for-reporter"),
        ("separator", "tab", "comma, semicolon"),
        ("bom", "yes", "true, false"),
        ("headers", "de", "nl, en"),
        ("columns", "reportId,text", "neighbourhood"),
        ("colour", "blue", "signalType"),
        ("purpose", "x", "3–200"),
    ],
)
def test_a_bad_filter_is_named_with_what_is_permitted(name: str, value: str, permitted: str) -> None:
    with pytest.raises(Malformed) as refused:
        read((name, value))
    (error,) = refused.value.errors
    assert error.pointer == f"query:{name}"
    assert permitted in error.message_en
    assert permitted in error.message


def test_what_a_form_leaves_empty_is_no_filter() -> None:
    """A form without script sends every control along, the empty ones too."""
    empty = [(name, "") for name in ("from", "to", "signalType", "department", "status")]
    assert read(*empty, ("separator", "semicolon")) == read(("separator", "semicolon"))


def test_every_fault_is_listed_at_once() -> None:
    with pytest.raises(Malformed) as refused:
        read(("from", "x"), ("status", "x"), ("bom", "x"), ("bom", "true"), needs_purpose=True)
    pointers = {error.pointer for error in refused.value.errors}
    assert pointers == {"query:from", "query:status", "query:bom", "query:purpose"}


def test_a_period_must_run_forward() -> None:
    with pytest.raises(Malformed):
        read(("from", "2026-02-02"), ("to", "2026-02-01"))


def test_a_purpose_may_come_as_header_or_parameter() -> None:
    assert read(needs_purpose=True, header="Jaarverslag 2026").purpose == "Jaarverslag 2026"
    assert read(("purpose", "Jaarverslag"), needs_purpose=True).purpose == "Jaarverslag"
