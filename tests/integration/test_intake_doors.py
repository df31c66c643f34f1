"""Other doors of intake: what staff enters for others, what API keys may report, and checking first."""

import json
import secrets
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import httpx
import pytest
from common.auth import Identity
from common.contracts.codes import KeyGroup, Role
from common.contracts.intake import ReportReceived
from common.sealing import open_content

from tests.support.backing import Backing
from tests.support.identities import anonymous, bearer, staff
from tests.support.intake import Desk, intake_desk, report

STAFF = staff(Role.STAFF_ENTRY)


@pytest.fixture(scope="module")
async def desk(backing: Backing, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Desk]:
    """One intake for this module; each test looks at what it sent last."""
    folder: Path = tmp_path_factory.mktemp("files")
    async with intake_desk(backing, folder) as made:
        yield made


def key(*roles: Role, **more: Any) -> Identity:
    return Identity("zandrecht", key_name="corporatie", roles=frozenset(roles), **more)


async def _send(desk: Desk, who: Identity, **changes: Any) -> httpx.Response:
    return await desk.send(report(**changes), **bearer("intake", who))


async def _check(desk: Desk, who: Identity, **changes: Any) -> httpx.Response:
    return await desk.client.post(
        "/api/v1/reports/_check", json=report(**changes), headers=bearer("intake", who)
    )


async def _last(desk: Desk) -> ReportReceived:
    found: ReportReceived = (await desk.spoken(ReportReceived))[-1]
    return found


@pytest.mark.parametrize("channel", ["telefoon", "mail", "balie", "mma"])
async def test_staff_enters_a_report_with_its_channel_and_when_it_came(desk: Desk, channel: str) -> None:
    at = (datetime.now(UTC) - timedelta(days=3)).replace(minute=44, second=31, microsecond=0)
    answer = await _send(desk, STAFF, channel=channel, receivedElsewhereAt=at.isoformat())
    assert answer.status_code == 201, answer.text
    received = await _last(desk)
    assert received.channel == channel
    assert received.received_elsewhere_at == at.replace(minute=30, second=0)
    assert received.received_at > received.received_elsewhere_at
    content = open_content(
        received.sealed_content,
        "general-1",
        desk.town.keys[KeyGroup.GENERAL].private,
        municipality="zandrecht",
        compartment="content",
        subject=str(received.report_id),
    )
    assert json.loads(content)["receivedElsewhereAt"] == at.isoformat()


async def test_the_same_moment_in_another_zone_is_the_same_report(desk: Desk) -> None:
    sent = secrets.token_urlsafe(24)
    moment = _ago(timedelta(hours=2))
    bodies = [
        report(channel="balie", receivedElsewhereAt=at.isoformat())
        for at in (moment, moment.astimezone(ZoneInfo("Asia/Tokyo")))
    ]
    answers = [await desk.send(body, key=sent, **bearer("intake", STAFF)) for body in bodies]
    assert [each.status_code for each in answers] == [201, 201]
    assert answers[0].json() == answers[1].json()


def _ago(age: timedelta) -> datetime:
    return datetime.now(UTC).replace(microsecond=0) - age


@pytest.mark.parametrize(
    ("channel", "age", "code"),
    [
        ("telefoon", timedelta(minutes=-30), "in-the-future"),
        ("telefoon", timedelta(days=367), "too-long-ago"),
        ("formulier", timedelta(days=1), "not-entered"),
        (None, timedelta(days=1), "not-entered"),
    ],
)
async def test_a_time_that_cannot_be_is_refused_among_all_else(
    desk: Desk, channel: str | None, age: timedelta, code: str
) -> None:
    at = _ago(age).isoformat()
    answer = await _send(desk, STAFF, channel=channel, receivedElsewhereAt=at, description=" ")
    assert answer.status_code == 400
    errors = answer.json()["errors"]
    assert {(each["pointer"], each["code"]) for each in errors} == {
        ("/receivedElsewhereAt", code),
        ("/description", "missing"),
    }
    assert all(each["message"] and each["messageEn"] for each in errors)


@pytest.mark.parametrize(
    "at", ["gisteren", "2026-11-23T14:00:00", "2026-13-01T00:00:00Z", 12345678901234567890]
)
async def test_a_time_without_a_zone_or_sense_is_refused_by_name(desk: Desk, at: object) -> None:
    answer = await _send(desk, STAFF, channel="mma", receivedElsewhereAt=at)
    assert answer.status_code == 400
    assert [each["pointer"] for each in answer.json()["errors"]] == ["/receivedElsewhereAt"]


@pytest.mark.parametrize(
    "who", [anonymous(), staff(Role.HANDLER), key(Role.REPORTER)], ids=["anyone", "handler", "key"]
)
async def test_only_staff_names_another_door_or_an_earlier_time(desk: Desk, who: Identity) -> None:
    earlier = _ago(timedelta(hours=1)).isoformat()
    for changes in ({"channel": "telefoon"}, {"receivedElsewhereAt": earlier}):
        answer = await _send(desk, who, **changes)
        assert (answer.status_code, answer.json()["code"]) == (403, "not-allowed")


async def test_a_key_reports_by_the_channel_api_as_whom_it_was_made_for(desk: Desk) -> None:
    who = key(Role.REPORTER, signal_types=frozenset({"hennepteelt"}), reporter_kind="woningcorporatie")
    assert (await _send(desk, who)).status_code == 201
    received = await _last(desk)
    assert (received.channel, received.reporter_kind) == ("api", "woningcorporatie")
    assert "corporatie" not in received.model_copy(update={"reporter_kind": "x"}).model_dump_json()
    assert (await _send(desk, who, reporterKind="woningcorporatie")).status_code == 201


async def test_a_key_is_kept_to_its_types_its_kind_and_its_purpose(desk: Desk) -> None:
    bound = key(Role.REPORTER, signal_types=frozenset({"drugslab"}), reporter_kind="boa")
    for who, changes, code in (
        (bound, {}, "signal-type-not-allowed"),
        (bound, {"signalType": "drugslab", "reporterKind": "inwoner"}, "reporter-kind-not-allowed"),
        (key(Role.EXPORT), {}, "key-may-not-report"),
    ):
        for answer in (await _send(desk, who, **changes), await _check(desk, who, **changes)):
            assert (answer.status_code, answer.json()["code"]) == (403, code)


async def test_a_key_sends_files_for_its_own_types_only(desk: Desk) -> None:
    bound = key(Role.REPORTER, signal_types=frozenset({"drugslab"}))
    for who, code in ((bound, "signal-type-not-allowed"), (key(Role.EXPORT), "key-may-not-report")):
        answer = await desk.send_file(b"\xff\xd8\xff", **bearer("intake", who))
        assert (answer.status_code, answer.json()["code"]) == (403, code)


async def test_a_key_is_told_of_what_it_may_report(desk: Desk) -> None:
    bound = key(Role.REPORTER, signal_types=frozenset({"drugslab"}), reporter_kind="boa")
    answer = await desk.client.get("/api/v1/signal-types", headers=bearer("intake", bound))
    told = answer.json()
    assert [each["code"] for each in told["signalTypes"]] == ["drugslab"]
    assert told["reporterKinds"] == ["boa"]


async def test_checking_refuses_as_sending_does_and_stores_nothing(desk: Desk) -> None:
    before = await _stored(desk)
    wrong: dict[str, Any] = {"signalType": "nergens", "description": "", "reporterKind": "spook"}
    late: dict[str, Any] = {"channel": "mail", "receivedElsewhereAt": _ago(timedelta(days=400)).isoformat()}
    huge: dict[str, Any] = {"description": "😀" * 9_900}
    gone: dict[str, Any] = {"attachments": [{"id": str(_FILE), "claim": "x" * 30}]}
    for changes in (wrong, late, huge, gone):
        checked, sent = await _check(desk, STAFF, **changes), await _send(desk, STAFF, **changes)
        assert checked.status_code == sent.status_code == 400, sent.text
        assert checked.json() == sent.json()
    good = await _check(desk, STAFF, answers={"waargenomen": "zelf-waargenomen"})
    assert good.status_code == 200
    assert good.json().keys() >= {"urgency", "safetyTip"}
    assert "receipt" not in good.json()
    assert await _stored(desk) == before


async def _stored(desk: Desk) -> tuple[int, int]:
    async with desk.database.flowing() as connection:
        rows = await connection.exec_driver_sql("SELECT count(*) FROM submission")
        return rows.scalar_one(), len(await desk.outbox())


_FILE = "00000000-0000-4000-8000-000000000000"


@pytest.mark.parametrize("role", [Role.EXPORT, Role.PROCESS_MANAGER])
async def test_a_key_that_may_not_report_is_shown_nothing_hidden_either(desk: Desk, role: Role) -> None:
    answer = await desk.client.post(
        "/api/v1/anonymisations", json={"description": "Bij Jan."}, headers=bearer("intake", key(role))
    )
    assert (answer.status_code, answer.json()["code"]) == (403, "key-may-not-report")
