"""Intake through its front: the API on a real database, and what it puts in its outbox."""

import asyncio
import json
import secrets
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest
from common.contracts.casework import ReportErased
from common.contracts.codes import KeyGroup, Role
from common.contracts.intake import FormsConfigured, MailboxOpened, ReportCounted, ReportReceived
from common.errors import Unavailable
from common.messaging.envelope import encode
from common.messaging.handling import Dispatcher
from common.receipt import mailbox_of, parse_receipt
from common.sealing import Context, decode, open_content, open_text
from intake.actions import Intake, Municipalities
from intake.admission import Admission
from intake.consumers import handlers
from intake.main import Refresher, build_app
from intake.seed import load_seed
from intake.writer import Writer
from sqlalchemy import text

from tests.support.backing import Backing
from tests.support.identities import anonymous, bearer, staff
from tests.support.intake import NAME, NOTIFIER, Desk, intake_desk, report


@pytest.fixture
async def desk(backing: Backing, tmp_path: Path) -> AsyncIterator[Desk]:
    async with intake_desk(backing, tmp_path) as made:
        yield made


async def test_a_report_is_stored_and_leaves_as_three_facts(desk: Desk) -> None:
    answer = await desk.send(report())
    assert answer.status_code == 201, answer.text
    receipt = parse_receipt(answer.json()["receipt"])
    received = (await desk.spoken(ReportReceived))[0]
    assert received.anonymised_text == "Het ruikt naar wiet bij [PERSOON-1], bel [TELEFOON-1]."
    assert received.choice_answers == {"geur": "vaak", "waargenomen": "zelf-waargenomen"}
    assert decode(received.reporter_public_key) == mailbox_of(receipt).public_key
    opened_mailbox = (await desk.spoken(MailboxOpened))[0]
    assert opened_mailbox.lookup_id == mailbox_of(receipt).lookup_id
    context = Context("zandrecht", "address", str(opened_mailbox.reporter_handle), "notifier")
    sealed_address = decode(opened_mailbox.sealed_address)
    assert open_text(sealed_address, NOTIFIER.private, context) == "melder@voorbeeld.example"
    assert len(sealed_address) == 320 + 48  # whatever the length of the address


@pytest.mark.parametrize(
    ("given", "in_clear"),
    [
        ("Van Goghbuurt", "Van Goghbuurt"),
        (f"achter {NAME}", None),
        ("Kerkstraat 12", None),
        ("bel 06-12345678", None),
        (None, None),
    ],
)
async def test_a_neighbourhood_that_names_somebody_travels_sealed_only(
    desk: Desk, given: str | None, in_clear: str | None
) -> None:
    answer = await desk.send(report(neighbourhood=given))
    assert answer.status_code == 201, answer.text
    received = (await desk.spoken(ReportReceived))[0]
    assert received.neighbourhood == in_clear
    assert (await desk.spoken(ReportCounted))[0].neighbourhood == in_clear
    assert received.anonymised_text is not None
    content = open_content(
        received.sealed_content,
        "general-1",
        desk.town.keys[KeyGroup.GENERAL].private,
        municipality="zandrecht",
        compartment="content",
        subject=str(received.report_id),
    )
    assert json.loads(content).get("neighbourhood") == (None if in_clear else given)


async def test_only_the_municipality_can_open_the_content(desk: Desk) -> None:
    await desk.send(report())
    received = (await desk.spoken(ReportReceived))[0]
    content = open_content(
        received.sealed_content,
        "general-1",
        desk.town.keys[KeyGroup.GENERAL].private,
        municipality="zandrecht",
        compartment="content",
        subject=str(received.report_id),
    )
    told = json.loads(content)
    assert NAME in told["description"]
    hidden = {label: told["description"][start:end] for start, end, label in told["hidden"]}
    assert hidden == {"[PERSOON-1]": NAME, "[TELEFOON-1]": "06-12345678"}


async def test_nothing_that_identifies_anyone_stays_in_clear(desk: Desk) -> None:
    await desk.send(report(contact={"name": NAME, "phone": "0612345678", "mail": "melder@voorbeeld.example"}))
    async with desk.database.flowing() as connection:
        kept = str((await connection.execute(text("SELECT * FROM submission"))).all())
    for canary in ("Zwanenvliet", "12345678", "melder@"):
        assert canary not in kept
        assert all(canary.encode() not in body for _, body in await desk.outbox())


async def test_the_same_key_and_body_get_the_same_answer_and_one_report(desk: Desk) -> None:
    key = secrets.token_urlsafe(24)
    answers = await asyncio.gather(*(desk.send(report(), key=key) for _ in range(12)))
    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.json()["receipt"] for answer in answers}) == 1
    assert len(await desk.spoken(ReportReceived)) == 1


async def test_a_body_of_another_json_type_is_the_same_report(desk: Desk) -> None:
    """One type goes the short way through FastAPI, the other the usual way."""
    body = report(
        description="Een busje, \u00e9\u00e9n hond \U0001f415 en 1e2 vaten.", observedOn="2026-01-02"
    )
    key = secrets.token_urlsafe(24)
    answers = [
        await desk.send(body, key=key, **{"Content-Type": kind})
        for kind in ("application/json", "application/vnd.melding+json")
    ]
    assert [answer.status_code for answer in answers] == [201, 201]
    assert answers[0].json() == answers[1].json()
    assert answers[0].headers == answers[1].headers
    assert len(await desk.spoken(ReportReceived)) == 1


async def test_the_same_key_with_another_body_is_refused(desk: Desk) -> None:
    key = secrets.token_urlsafe(24)
    await desk.send(report(), key=key)
    answer = await desk.send(report(description="Iets anders."), key=key)
    assert (answer.status_code, answer.json()["code"]) == (409, "same-key-other-report")


async def test_every_fault_is_named_at_once(desk: Desk) -> None:
    answer = await desk.send(
        report(description=" ", answers={"geur": "misschien", "bestaat-niet": "x"}, reporterKind="x")
    )
    assert answer.status_code == 400
    assert answer.headers["content-type"] == "application/problem+json"
    pointers = {each["pointer"] for each in answer.json()["errors"]}
    assert pointers == {
        "/description",
        "/reporterKind",
        "/answers/geur",
        "/answers/bestaat-niet",
        "/answers/waargenomen",
    }


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        (report(signalType="bestaat-niet"), "/signalType"),
        (report(signalType="omg"), "/signalType"),
        (report(signalType="intimidatie-bestuur"), "/signalType"),
        (report(onbekend=1), "/onbekend"),
        (report(description=7), "/description"),
        (report(description="a" * 10_001), "/description"),
        (report(contact={"mail": "geen adres"}), "/contact/mail"),
        (
            report(answers={"waargenomen": "vermoeden", "wanneer_laatst": "2999-01-01"}),
            "/answers/wanneer_laatst",
        ),
        (report(answers=[]), "/answers"),
        (report(description="wiet \0 lucht"), "/description"),
        (report(neighbourhood="Haven\0"), "/neighbourhood"),
        (report(contact={"name": "Jan\0"}), "/contact/name"),
        (report(answers={"waargenomen": "zelf-waargenomen", "aanvoer": "a\0"}), "/answers/aanvoer"),
        (report(answers={"a\0": "x"}), "/answers/a\ufffd"),
        (report(answers={"aanvoer": [{"x": "\0"}]}), "/answers/aanvoer/0/x"),
    ],
)
async def test_a_wrong_field_is_named(desk: Desk, body: dict[str, Any], pointer: str) -> None:
    answer = await desk.send(body)
    assert answer.status_code == 400
    assert pointer in {each["pointer"] for each in answer.json()["errors"]}
    assert await desk.spoken(ReportReceived) == []


@pytest.mark.parametrize(
    "address", ["a@[b.c", "a:;@c.d", "(@b.c", '"a"@b.nl', "a..b@c.nl", "a@-b.nl", "<a@b.nl"]
)
async def test_an_address_that_no_mail_can_go_to_is_named(desk: Desk, address: str) -> None:
    answer = await desk.send(report(contact={"mail": address}))
    assert answer.status_code == 400
    assert [each["pointer"] for each in answer.json()["errors"]] == ["/contact/mail"]


@pytest.mark.parametrize("place", ["description", "answer", "answer's key", "unknown field"])
async def test_half_a_character_is_named_and_not_repeated(desk: Desk, place: str) -> None:
    half = "\\ud800"
    answers = {
        "answer": f'{{"aanvoer": "{half}"}}',
        "answer's key": f'{{"{half}": "x"}}',
    }.get(place, "{}")
    described = f"x{half}" if place == "description" else "x"
    unknown = f', "{half}": 1' if place == "unknown field" else ""
    raw = f'{{"signalType": "hennepteelt", "description": "{described}", "answers": {answers}{unknown}}}'
    headers = {
        "Idempotency-Key": secrets.token_urlsafe(24),
        "Content-Type": "application/json",
        **bearer("intake", anonymous()),
    }
    answer = await desk.client.post("/api/v1/reports", content=raw, headers=headers)
    assert answer.status_code == 400
    assert [each["code"] for each in answer.json()["errors"]] == ["unreadable-character"]


async def test_a_report_too_large_to_travel_is_told_to_be_shorter(desk: Desk) -> None:
    refused = await desk.send(report(description="\U0001f600" * 10_000))
    assert refused.status_code == 400, refused.text
    assert [each["code"] for each in refused.json()["errors"]] == ["too-long"]
    assert (await desk.send(report(description="\u0639" * 5_000))).status_code == 201


async def test_a_body_in_chunks_is_bounded_while_it_comes(desk: Desk) -> None:
    taken = 0

    async def chunks() -> AsyncIterator[bytes]:
        nonlocal taken
        for _ in range(64):
            taken += 1
            yield b" " * 65_536

    headers = {"Content-Type": "application/json", **bearer("intake", anonymous())}
    answer = await desk.client.post("/api/v1/reports", content=chunks(), headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (413, "too-large")
    assert taken <= 18


async def test_a_report_that_comes_while_the_writer_ends_is_refused_for_now(desk: Desk) -> None:
    stopping = asyncio.Event()
    stopping.set()
    writer = Writer(desk.database, queue_size=4, batch=2, count=1)
    await writer.run(stopping)
    async with asyncio.timeout(5):
        with pytest.raises(Unavailable):
            await writer.write(None, ())  # type: ignore[arg-type]


@pytest.mark.parametrize("raw", [b"", b"{", b"[]", b"null", b"\xff"])
async def test_a_body_that_is_no_report_is_a_named_error(desk: Desk, raw: bytes) -> None:
    headers = {
        "Idempotency-Key": secrets.token_urlsafe(24),
        "Content-Type": "application/json",
        **bearer("intake", anonymous()),
    }
    answer = await desk.client.post("/api/v1/reports", content=raw, headers=headers)
    assert answer.status_code == 400
    assert answer.json()["errors"]


async def test_a_report_without_a_key_is_told_to_send_one(desk: Desk) -> None:
    answer = await desk.send(report(), key="kort")
    assert answer.json()["errors"][0]["pointer"] == "header:Idempotency-Key"


async def test_a_request_past_the_gateway_is_refused(desk: Desk) -> None:
    for headers in ({}, bearer("casework", anonymous()), {"Authorization": "Bearer x.y.z"}):
        answer = await desk.client.post("/api/v1/reports", json=report(), headers=headers)
        assert answer.status_code == 401


async def test_an_unknown_municipality_is_refused(desk: Desk) -> None:
    answer = await desk.send(report(), **bearer("intake", anonymous("elders")))
    assert (answer.status_code, answer.json()["code"]) == (404, "unknown-municipality")


async def test_what_another_replica_heard_of_a_municipality_is_known_with_the_next_look(desk: Desk) -> None:
    known = Municipalities()
    refresher = Refresher(desk.database, known, desk.offers)
    assert refresher.trouble
    await refresher.refresh()
    assert refresher.trouble is None
    first, _ = known.get("zandrecht")
    await refresher.refresh()
    assert known.get("zandrecht")[0] is first  # nothing changed, so nothing was read
    newer = desk.town.state.model_copy(
        update={"version": first.version + 1, "display_name": "Zandrecht aan Zee"}
    )
    await desk.hear(newer)
    await refresher.refresh()
    assert known.get("zandrecht")[0] == newer


async def test_a_restricted_type_needs_a_professional_who_gives_a_name(desk: Desk) -> None:
    body = report(signalType="intimidatie-bestuur", answers={"waargenomen": "zelf-waargenomen"}, contact={})
    headers = bearer("intake", staff(Role.REPORTER))
    refused = await desk.send(body, **headers)
    assert {each["pointer"] for each in refused.json()["errors"]} == {"/contact/name"}
    assert (await desk.send({**body, "contact": {"name": NAME}}, **headers)).status_code == 201
    received = (await desk.spoken(ReportReceived))[0]
    assert [wrap.group for wrap in received.sealed_content.wraps] == ["restricted"]
    assert received.sealed_identity is not None


async def test_only_staff_may_enter_for_another_channel(desk: Desk) -> None:
    assert (await desk.send(report(channel="telefoon"))).status_code == 403
    entered = await desk.send(report(channel="telefoon"), **bearer("intake", staff(Role.STAFF_ENTRY)))
    assert entered.status_code == 201


async def test_an_erased_report_is_forgotten_and_a_late_repeat_revives_nothing(desk: Desk) -> None:
    key = secrets.token_urlsafe(24)
    await desk.send(report(), key=key)
    received = (await desk.spoken(ReportReceived))[0]
    erased = ReportErased(
        municipality="zandrecht",
        report_id=received.report_id,
        reporter_handle=received.reporter_handle,
        reason="verzoek",
        ground="AVG art. 17",
        erased_at=received.received_at,
    )
    async with desk.database.flowing() as connection:
        await desk.dispatcher.apply(connection, [encode(erased)])
    assert await desk.spoken(ReportReceived) == []
    await desk.send(report(), key=key)
    assert await desk.spoken(ReportReceived) == []


async def test_an_intake_that_has_read_no_municipality_refuses_nobody_for_good(desk: Desk) -> None:
    intake = Intake(desk.writer, Municipalities(), NOTIFIER.public, desk.settings.own_key, desk.attachments)
    transport = httpx.ASGITransport(
        build_app(desk.settings, intake, desk.editor, Admission(desk.database, Municipalities()))
    )
    async with httpx.AsyncClient(transport=transport, base_url="http://t") as client:
        fresh = replace(desk, client=client)
        answer = await fresh.send(report())
    assert answer.status_code == 503, answer.text
    assert "retry-after" in answer.headers


async def test_a_newer_seed_is_adopted_once_and_an_older_replica_takes_nothing_back(desk: Desk) -> None:
    seed = load_seed()
    types = {**seed.signal_types, "omg": replace(seed.signal_types["omg"], name="Motorclub")}
    newer = replace(seed, seed_version="2999-01-01", signal_types=types)
    for forms in (seed, newer, seed):  # as before, after an upgrade, and an old replica once more
        async with desk.database.flowing() as connection:
            await Dispatcher(handlers(forms, desk.attachments, desk.signers)).apply(
                connection, [encode(desk.town.state)]
            )
    spoken = [each for each in await desk.spoken(FormsConfigured) if each.municipality == "zandrecht"]
    assert [each.version for each in spoken] == [1, 1, 2, 2]
    names = [each.name for each in spoken[-1].signal_types if each.code == "omg"]
    assert names == ["Motorclub"]
