"""A flood at the door: work for programs, patience for forms, and a class of people who all get through."""

import asyncio
import secrets
from collections.abc import AsyncIterator
from typing import Any
from uuid import uuid4

import aiohttp
import asyncpg
import pytest
import pytest_asyncio
from common.contracts.codes import Role
from common.provision import DatabaseUrls
from gateway.domain.proof import is_solved, solve
from prometheus_client import generate_latest

from tests.support.gateway import Running, Upstream, running_gateway

EASY: dict[str, Any] = {"proof_bits": 4, "form_seconds_least": 3}


@pytest_asyncio.fixture
async def running(urls: DatabaseUrls, upstream: Upstream) -> AsyncIterator[Running]:
    async with running_gateway(urls, upstream, **EASY) as found:
        yield found


async def _challenge(running: Running, municipality: str = "veldstad") -> dict[str, Any]:
    async with running.client.get("/api/v1/challenges", headers={"Municipality": municipality}) as answer:
        assert (answer.status, answer.headers["Cache-Control"]) == (200, "no-store")
        found: dict[str, Any] = await answer.json()
        return found


async def _report(running: Running, **headers: str) -> tuple[int, dict[str, Any]]:
    async with running.client.post("/api/v1/reports", json={}, headers=headers) as answer:
        return answer.status, await answer.json()


def _solved(challenge: dict[str, Any], key: str) -> dict[str, str]:
    counter = solve(challenge["token"], key, challenge["bits"])
    return {"Idempotency-Key": key, "Proof-Of-Work": f"{challenge['token']}~{counter}"}


async def test_an_anonymous_report_comes_with_work_that_serves_its_own_key(
    running: Running, upstream: Upstream
) -> None:
    challenge, key = await _challenge(running), secrets.token_urlsafe(24)
    for _ in range(2):  # a repeat needs no new work
        assert (await _report(running, **_solved(challenge, key)))[0] == 201
    assert "proof-of-work" not in upstream.seen[-1]["headers"]
    others = [secrets.token_urlsafe(24) for _ in range(12)]
    stolen = _solved(challenge, key)["Proof-Of-Work"]
    answers = [
        await _report(running, **{"Idempotency-Key": each, "Proof-Of-Work": stolen}) for each in others
    ]
    assert 400 in {status for status, _ in answers}


async def test_each_fault_of_a_proof_is_named_with_its_fix(running: Running, upstream: Upstream) -> None:
    key = secrets.token_urlsafe(24)
    good = _solved(await _challenge(running), key)
    elsewhere = _solved(await _challenge(running, "duinrade"), key)
    wrong = good["Proof-Of-Work"].partition("~")[0]
    unsolved = next(number for number in range(99) if not is_solved(wrong, key, number, 4))
    for proof, code in (
        ("", "missing"),
        ("onzin", "missing"),
        (wrong, "missing"),
        (f"{wrong}~-1", "missing"),
        (f"{wrong}~{'9' * 500}", "missing"),
        (f"{wrong[:-2]}xx~1", "not-ours"),
        (elsewhere["Proof-Of-Work"], "not-ours"),
        (f"{wrong}~{unsolved}", "not-solved"),
    ):
        status, problem = await _report(running, **{"Idempotency-Key": key, "Proof-Of-Work": proof})
        assert (status, problem["code"], problem["errors"][0]["code"]) == (400, "proof-of-work", code), proof
        (field,) = problem["errors"]
        assert field["pointer"] == "header:Proof-Of-Work"
        assert field["message"] != field["messageEn"] != ""
    running.clock.move(seconds=601)
    status, problem = await _report(running, **good)
    assert (status, problem["errors"][0]["code"]) == (400, "expired")
    assert upstream.seen == []


async def test_a_look_before_sending_takes_the_same_work(running: Running, upstream: Upstream) -> None:
    path, key = "/api/v1/anonymisations", secrets.token_urlsafe(24)
    async with running.client.post(path, json={}) as answer:
        assert (answer.status, (await answer.json())["code"]) == (400, "proof-of-work")
    assert upstream.seen == []
    solved = _solved(await _challenge(running), key)
    statuses = []
    for _ in range(20):
        async with running.client.post(path, json={}, headers=solved) as answer:
            statuses.append(answer.status)
            if answer.status == 429:
                assert int(answer.headers["Retry-After"]) > 0
    assert (statuses[0], statuses[-1]) == (201, 429)
    assert (await _report(running, **solved))[0] == 201


async def test_who_signed_in_is_asked_no_work(running: Running) -> None:
    headers = await running.signed_in(Role.REPORTER)
    assert (await _report(running, **headers))[0] == 201


async def test_the_work_rises_with_the_crowd_of_one_municipality_and_falls_again(
    urls: DatabaseUrls, upstream: Upstream
) -> None:
    settings = {**EASY, "proof_free_per_minute": 5, "proof_bits_most": 8}
    async with running_gateway(urls, upstream, **settings) as running:
        assert (await _challenge(running))["bits"] == 4
        for _ in range(30):
            solved = _solved(await _challenge(running), secrets.token_urlsafe(24))
            assert (await _report(running, **solved))[0] == 201
        assert (await _challenge(running))["bits"] == 7
        assert (await _challenge(running, "duinrade"))["bits"] == 4
        running.clock.move(seconds=600)
        assert (await _challenge(running))["bits"] == 4


async def test_a_class_behind_one_address_gets_through_and_works_no_harder(running: Running) -> None:
    async def one() -> tuple[int, int]:
        challenge = await _challenge(running)
        status, _ = await _report(running, **_solved(challenge, secrets.token_urlsafe(24)))
        return status, challenge["bits"]

    for _ in range(5):  # fifty in a minute, ten at a time
        assert await asyncio.gather(*(one() for _ in range(10))) == [(201, EASY["proof_bits"])] * 10
        running.clock.move(seconds=10)


async def _file(running: Running, municipality: str, **headers: str) -> tuple[int, dict[str, Any], int]:
    sent = {"Municipality": municipality, "Content-Type": "image/jpeg", **headers}
    async with running.client.post("/api/v1/attachments", data=b"x" * 2000, headers=sent) as answer:
        return answer.status, await answer.json(), int(answer.headers.get("Retry-After", "0"))


async def test_many_files_of_one_network_are_slowed_and_hold_up_no_other_municipality(
    urls: DatabaseUrls, upstream: Upstream
) -> None:
    slow = {"upload_block_per_minute": 30, "upload_block_burst": 6, "rate_patience_seconds": 0.1}
    async with running_gateway(urls, upstream, **EASY, **slow) as running:
        answers = [await _file(running, "veldstad") for _ in range(9)]
        assert [status for status, _, _ in answers[:6]] == [201] * 6
        status, problem, after = answers[-1]
        assert (status, problem["code"]) == (429, "too-many-requests")
        assert 0 < after <= 3
        assert (await _file(running, "duinrade"))[0] == 201
        assert (await _report(running, **_solved(await _challenge(running), secrets.token_urlsafe(24))))[
            0
        ] == 201
        handler = await running.signed_in(Role.HANDLER)
        assert (await _file(running, "veldstad", **handler))[0] == 201  # who signed in is let through


async def test_files_of_one_municipality_are_capped_and_each_network_leaves_some_to_others(
    urls: DatabaseUrls, upstream: Upstream
) -> None:
    slow: dict[str, Any] = {"upload_municipality_per_minute": 3, "upload_municipality_burst": 4}
    slow |= {"rate_patience_seconds": 0, "proxies": "127.0.0.0/8"}
    async with running_gateway(urls, upstream, **EASY, **slow) as running:
        for told, count in (({}, 2), ({"X-Forwarded-For": "203.0.113.7"}, 1), ({}, 0)):
            statuses = [(await _file(running, "veldstad", **told))[0] for _ in range(4)]
            assert statuses == [201] * count + [429] * (4 - count)
        assert (await _file(running, "duinrade"))[0] == 201


async def test_files_that_wait_for_a_report_are_shared_by_network_and_leave_with_it(
    urls: DatabaseUrls, upstream: Upstream
) -> None:
    few: dict[str, Any] = {"upload_waiting_most": 8, "proxies": "127.0.0.0/8"}

    async with running_gateway(urls, upstream, **EASY, **few) as running:

        async def send(address: str, count: int = 1) -> list[int]:
            told = {"X-Forwarded-For": address}
            return [(await _file(running, "veldstad", **told))[0] for _ in range(count)]

        async def report(address: str, proof: dict[str, str]) -> int:
            named = [{"id": str(uuid4()), "claim": "x"}] * 2
            body, headers = {"attachments": named}, {**proof, "X-Forwarded-For": address}
            async with running.client.post("/api/v1/reports", json=body, headers=headers) as answer:
                return answer.status

        assert await send("203.0.113.1", 6) == [201] * 4 + [429] * 2
        assert await send("203.0.113.2") == [429]  # of the same network
        handler = await running.signed_in(Role.HANDLER)
        assert (await _file(running, "veldstad", **handler))[0] == 201  # who signed in is let through
        assert (await _file(running, "duinrade"))[0] == 201
        proof = _solved(await _challenge(running), secrets.token_urlsafe(24))
        for _ in range(3):  # a report that is sent again takes nothing more along
            assert await report("203.0.113.1", proof) == 201
        assert await send("203.0.113.1", 3) == [201, 201, 429]
        first, *_, last = await send("198.51.100.1", 3)  # of what others have it sees only about how much
        assert (first, last, await send("192.0.2.1")) == (201, 429, [201])


async def test_a_flood_of_one_municipality_leaves_connections_for_another(
    urls: DatabaseUrls, upstream: Upstream
) -> None:
    async with running_gateway(urls, upstream, upstream_connections=4) as running:

        async def ask(municipality: str, path: str) -> tuple[int, str | None]:
            headers = {"Municipality": municipality}
            async with running.client.get(f"/api/v1/signal-types/{path}", headers=headers) as answer:
                return answer.status, answer.headers.get("Retry-After")

        flood = [asyncio.create_task(ask("veldstad", "slow")) for _ in range(12)]
        refused = [await each for each in flood if (await asyncio.wait([each], timeout=0.5))[0]]
        assert refused == [(503, "2")] * 10
        assert (await ask("duinrade", "x"))[0] == 200
        upstream.go_on.set()
        assert [(await each)[0] for each in flood].count(200) == 2
        assert (await ask("veldstad", "x"))[0] == 200


async def test_bodies_of_one_municipality_leave_room_for_another(
    urls: DatabaseUrls, upstream: Upstream
) -> None:
    async with running_gateway(urls, upstream, bodies_in_hand_bytes=100_000) as running:

        async def send(municipality: str, size: int) -> tuple[int, bool]:
            headers = {"Municipality": municipality}
            async with running.client.post("/api/v1/reports", data=bytes(size), headers=headers) as answer:
                return answer.status, "Retry-After" in answer.headers

        assert await send("veldstad", 50_000) == (201, False)
        with running.front.bodies.held({"municipality": "veldstad", "client": ("192.0.2.0/24", 0)}) as held:
            await held.take(45_000)
            held.settle()  # as of reports that intake is taking in
            assert await send("veldstad", 20_000) == (503, True)
            assert await send("duinrade", 40_000) == (201, False)
        assert await send("veldstad", 50_000) == (201, False)


async def test_nothing_of_an_address_or_browser_is_kept(
    urls: DatabaseUrls, upstream: Upstream, capfd: pytest.CaptureFixture[str]
) -> None:
    client = aiohttp.TCPConnector(local_addr=("127.7.31.9", 0))
    told = {"User-Agent": "Vlinderbrowser/7", "X-Forwarded-For": "203.0.113.77"}
    async with (
        running_gateway(urls, upstream, **EASY) as running,
        aiohttp.ClientSession(running.url, connector=client, headers=told) as far,
    ):
        async with far.get("/api/v1/challenges") as answer:
            challenge = await answer.json()
        solved = _solved(challenge, secrets.token_urlsafe(24))
        for path, headers in (
            ("/api/v1/reports", solved),
            ("/api/v1/reports", {}),
            ("/api/v1/attachments", {}),
        ):
            async with far.post(path, data=b"{}", headers=headers) as answer:
                assert answer.status in {201, 400}
        async with far.get("/veldstad/melden") as page:
            assert page.status < 600
        tables = await rows_of(urls)
    passed_on = "\n".join(
        f"{name}: {value}" for each in upstream.seen for name, value in each["headers"].items()
    )
    printed = "".join(capfd.readouterr())
    measured = generate_latest().decode()
    for canary in ("127.7.31", "Vlinderbrowser", "203.0.113"):
        for place in (passed_on, printed, measured, tables):
            assert canary not in place


async def rows_of(urls: DatabaseUrls) -> str:
    """Every row of every table as text."""
    connection = await asyncpg.connect(urls.owner)
    try:
        names = await connection.fetch("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
        found = [await connection.fetch(f'SELECT * FROM "{name}"') for (name,) in names]  # noqa: S608
    finally:
        await connection.close()
    return "\n".join(str(tuple(row.values())) for rows in found for row in rows)
