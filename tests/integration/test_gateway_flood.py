"""A flood at the door: work for programs, patience for forms, and a class of people who all get through."""

import asyncio
import secrets
from collections.abc import AsyncIterator
from typing import Any

import pytest_asyncio
from common.contracts.codes import Role
from common.provision import DatabaseUrls
from gateway.domain.proof import is_solved, solve

from tests.support.backing import Backing
from tests.support.databases import service_database
from tests.support.gateway import Running, Upstream, running_gateway, running_upstream

EASY: dict[str, Any] = {"proof_bits": 4, "form_seconds_least": 3}


@pytest_asyncio.fixture(scope="module")
async def urls(backing: Backing) -> DatabaseUrls:
    return await service_database(backing, "gateway")


@pytest_asyncio.fixture
async def upstream() -> AsyncIterator[Upstream]:
    async with running_upstream() as found:
        yield found


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
        assert problem["errors"][0]["pointer"] == "header:Proof-Of-Work"
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
        first = await _challenge(running)
        for _ in range(30):
            assert (await _report(running, **_solved(first, secrets.token_urlsafe(24))))[0] == 201
        assert first["bits"] == 4
        assert (await _challenge(running))["bits"] == 7
        assert (await _challenge(running, "duinrade"))["bits"] == 4
        running.clock.move(seconds=600)
        assert (await _challenge(running))["bits"] == 4


async def test_a_class_behind_one_address_gets_through(running: Running) -> None:
    async def one() -> int:
        challenge = await _challenge(running)
        return (await _report(running, **_solved(challenge, secrets.token_urlsafe(24))))[0]

    assert await asyncio.gather(*(one() for _ in range(50))) == [201] * 50
