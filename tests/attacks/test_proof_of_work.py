"""The gate before reports, used against reporters: a higher price, worn-out forms, and looks for nothing."""

import asyncio
import re
import secrets
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from html import unescape
from typing import Any

import aiohttp
import pytest_asyncio
from common.provision import DatabaseUrls
from gateway.domain.proof import solve

from tests.support.attempts import IS_LONG, Attempts
from tests.support.backing import Backing
from tests.support.databases import service_database
from tests.support.gateway import Running, Upstream, running_gateway
from tests.support.reporting_point import Desk, running_intake, temporary_folder

FORM, REPORTS, LOOKS = "/veldstad/melden", "/api/v1/reports", "/api/v1/anonymisations"
BITS, MOST_BITS, FREE = 4, 7, 20
GATE: dict[str, Any] = {
    "proof_bits": BITS,
    "proof_bits_most": MOST_BITS,
    "proof_free_per_minute": FREE,
    "form_per_second": 0.5,
    "form_burst": 8,
    "form_patience_seconds": 0.2,
    "text_burst": 4000,
}
REPORT = {
    "signalType": "hennepteelt",
    "description": "Het ruikt al weken naar wiet bij de loods.",
    "answers": {"waargenomen": "zelf-waargenomen"},
}
LOOK = {"description": REPORT["description"]}
WORDS = {"type": "hennepteelt", "description": REPORT["description"], "q-waargenomen": "zelf-waargenomen"}
_PROSE = "Bij de loods aan de Havenweg 12 stond Piet Jansen, 06-12345678. " * 150
#: 38,000 characters, as long as intake takes them in each field.
LONG_LOOK = {"description": _PROSE, "answers": {f"vraag_{number}": _PROSE[:1900] for number in range(15)}}
ATTACKER, NEIGHBOUR, HONEST = "127.66.1.9", "127.66.1.40", "127.77.3.5"
HTML = {"Accept": "text/html"}
_HIDDEN = re.compile(r'<input type="hidden" name="([^"]*)" value="([^"]*)">')


@pytest_asyncio.fixture(scope="module")
async def urls(backing: Backing) -> DatabaseUrls:
    return await service_database(backing, "gateway")


@pytest_asyncio.fixture(scope="module")
async def intake(backing: Backing) -> AsyncIterator[Desk]:
    async with temporary_folder() as folder, running_intake(backing, folder) as desk:
        yield desk


@pytest_asyncio.fixture
async def gate(urls: DatabaseUrls, intake: Desk) -> AsyncIterator[Running]:
    """A gateway with a real intake behind it, of which nothing was asked yet."""
    nobody = Upstream("http://127.0.0.1:1")
    async with running_gateway(urls, nobody, intake_url=intake.url, **GATE) as running:
        yield running


class Client:
    """Somebody on a network of their own."""

    def __init__(self, session: aiohttp.ClientSession) -> None:
        self._session = session

    async def challenge(self) -> dict[str, Any]:
        """A fresh challenge."""
        async with self._session.get("/api/v1/challenges") as answer:
            assert answer.status == 200
            found: dict[str, Any] = await answer.json()
            return found

    async def bits(self) -> int:
        """What a report costs here now."""
        return int((await self.challenge())["bits"])

    async def solved(self, key: str = "", challenge: dict[str, Any] | None = None) -> dict[str, str]:
        """The headers of a report that was worked for."""
        key, found = key or secrets.token_urlsafe(24), challenge or await self.challenge()
        counter = solve(found["token"], key, found["bits"])
        return {"Idempotency-Key": key, "Proof-Of-Work": f"{found['token']}~{counter}"}

    async def post(self, path: str, body: object, headers: dict[str, str]) -> int:
        """The status of the answer."""
        async with self._session.post(path, json=body, headers=headers) as answer:
            await answer.read()
            return answer.status

    async def form(self, fields: dict[str, str]) -> tuple[int, dict[str, str]]:
        """Post the form without script: the status, and what the page that answers carries along."""
        async with self._session.post(FORM, data=fields, headers=HTML) as answer:
            page = await answer.text()
        return answer.status, {name: unescape(value) for name, value in _HIDDEN.findall(page)}

    async def opened(self) -> dict[str, str]:
        """The fields of a form that was opened now and filled in."""
        _, carried = await self.form({"type": "hennepteelt", "step": "ask"})
        own = {name: carried[name] for name in ("key", "form_token")}
        return {**WORDS, **own, "warned": "1", "step": "send"}


@asynccontextmanager
async def client(running: Running, address: str) -> AsyncIterator[Client]:
    """A client that comes from this address."""
    connector = aiohttp.TCPConnector(local_addr=(address, 0))
    async with aiohttp.ClientSession(running.url, connector=connector) as session:
        yield Client(session)


async def test_what_nobody_accepted_makes_no_report_dearer(gate: Running, attempts: Attempts) -> None:
    proofs, repeats = (34, 60) if IS_LONG else (8, 12)
    async with client(gate, ATTACKER) as attacker, client(gate, HONEST) as honest:
        for path in (REPORTS, LOOKS):
            for _ in range(proofs):
                solved = await attacker.solved()
                sent = (attacker.post(path, {"answers": 1}, solved) for _ in range(repeats))
                assert not {200, 201} & set(await asyncio.gather(*sent))
            dearer = await honest.bits() > BITS
            attempts.record("raise the price with requests that are refused", succeeded=dearer)


async def test_one_report_counts_once_however_often_it_comes(gate: Running, attempts: Attempts) -> None:
    async with client(gate, ATTACKER) as attacker:
        for path, body in ((REPORTS, REPORT), (LOOKS, LOOK)):
            solved = await attacker.solved()
            statuses = [await attacker.post(path, body, solved) for _ in range(FREE * 2)]
            assert statuses[0] in {200, 201}
            attempts.record("raise the price by repeating a report", succeeded=await attacker.bits() > BITS)


async def test_one_network_makes_no_report_of_another_dearer(gate: Running, attempts: Attempts) -> None:
    async with client(gate, ATTACKER) as attacker, client(gate, HONEST) as honest:
        accepted = 0
        for _ in range(400 if IS_LONG else 60):
            accepted += await attacker.post(REPORTS, REPORT, await attacker.solved()) == 201
        assert accepted > FREE
        attempts.record("raise the price of other networks", succeeded=await honest.bits() > BITS)
        attempts.record("raise a price over its ceiling", succeeded=await attacker.bits() > MOST_BITS)


async def test_many_networks_raise_the_price_to_its_ceiling_only(
    urls: DatabaseUrls, intake: Desk, attempts: Attempts
) -> None:
    settings, nobody = {**GATE, "proof_free_per_minute": 2}, Upstream("http://127.0.0.1:1")
    async with AsyncExitStack() as stack:
        gate = await stack.enter_async_context(
            running_gateway(urls, nobody, intake_url=intake.url, **settings)
        )
        nets = [await stack.enter_async_context(client(gate, f"127.90.{n}.1")) for n in range(6)]
        honest = await stack.enter_async_context(client(gate, HONEST))
        for _ in range(16):  # minutes: it rises at a moment that is drawn
            for attacker in nets:
                await attacker.post(REPORTS, REPORT, await attacker.solved())
            if (bits := await honest.bits()) > BITS and not IS_LONG:
                break
            gate.clock.move(seconds=60)
        assert bits > BITS  # it is a price that rises
        attempts.record("raise a price over its ceiling", succeeded=bits > MOST_BITS)
        arrived = await honest.post(REPORTS, REPORT, await honest.solved()) == 201
        attempts.record("keep a newcomer's report out", succeeded=not arrived)


async def test_the_price_does_not_ring_when_somebody_reports(gate: Running, attempts: Attempts) -> None:
    async with AsyncExitStack() as stack:
        nets = [await stack.enter_async_context(client(gate, f"127.91.{n}.1")) for n in range(8)]
        honest = await stack.enter_async_context(client(gate, HONEST))
        for number in range(FREE):
            attacker = nets[number % len(nets)]
            assert await attacker.post(LOOKS, LOOK, await attacker.solved()) == 200
        for path, body in ((LOOKS, LOOK), (REPORTS, REPORT), (LOOKS, LOOK), (LOOKS, LOOK)):
            before = await nets[0].bits()
            assert await honest.post(path, body, await honest.solved()) in {200, 201}
            attempts.record("see in the price who reports", succeeded=await nets[1].bits() != before)


async def test_a_challenge_serves_one_report(gate: Running, attempts: Attempts) -> None:
    async with client(gate, ATTACKER) as attacker:
        challenge = await attacker.challenge()
        assert await attacker.post(REPORTS, REPORT, await attacker.solved(challenge=challenge)) == 201
        bodies: dict[str, object] = {REPORTS: REPORT, LOOKS: LOOK}
        for path, body in bodies.items():
            for _ in range(30 if IS_LONG else 8):
                solved = await attacker.solved(challenge=challenge)
                taken = await attacker.post(path, body, solved) in {200, 201}
                attempts.record("use a challenge for a second report", succeeded=taken)


async def test_fetching_challenges_does_nothing_to_others(gate: Running, attempts: Attempts) -> None:
    async with client(gate, ATTACKER) as attacker, client(gate, HONEST) as honest:
        for _ in range(20 if IS_LONG else 4):
            await asyncio.gather(*(attacker.challenge() for _ in range(50)))
            attempts.record("raise the price by fetching challenges", succeeded=await honest.bits() > BITS)
        arrived = await honest.post(REPORTS, REPORT, await honest.solved()) == 201
        attempts.record("wear challenges out", succeeded=not arrived)


async def test_challenges_of_a_quiet_hour_are_no_cheaper(gate: Running, attempts: Attempts) -> None:
    async with client(gate, ATTACKER) as attacker:
        laid_in = [await attacker.bits() for _ in range(FREE * 4)]
        cheap = sum(bits == BITS for bits in laid_in)
        attempts.record("lay in challenges at the lowest price", succeeded=cheap > FREE * 1.5)


async def test_a_form_token_serves_one_report(gate: Running, attempts: Attempts) -> None:
    async with client(gate, ATTACKER) as attacker:
        form = await attacker.opened()
        gate.clock.move(seconds=10)
        assert (await attacker.form(form))[0] == 201
        for _ in range(20 if IS_LONG else 4):
            gate.clock.move(seconds=60)
            status, _ = await attacker.form({**form, "key": secrets.token_urlsafe(24)})
            attempts.record("use a form's token for a second report", succeeded=status == 201)


async def test_a_form_that_was_sent_becomes_no_other_report(gate: Running, attempts: Attempts) -> None:
    """Who goes back, changes something and sends again is told to make another one, with its own form."""
    async with client(gate, HONEST) as honest:
        form = await honest.opened()
        gate.clock.move(seconds=10)
        assert (await honest.form(form))[0] == 201
        status, carried = await honest.form({**form, "description": "En nu ook busjes met vaten."})
        attempts.record("get a token for a second report", succeeded=status != 410 or "form_token" in carried)


async def test_forms_of_one_network_starve_no_form_of_another(gate: Running, attempts: Attempts) -> None:
    """With one token, with one each, with fields missing, with a look: the honest form leaves within 5 s."""
    async with client(gate, ATTACKER) as attacker, client(gate, HONEST) as honest:
        one = await attacker.opened()
        each = [await attacker.opened() for _ in range(12)]
        mine = [await honest.opened() for _ in range(8)]
        gate.clock.move(seconds=10)
        floods = {
            "one token": [{**one, "key": secrets.token_urlsafe(24)} for _ in range(12)],
            "a token each": each,
            "nothing filled in": [{**form, "description": ""} for form in each],
            "looks": [{**form, "step": "check"} for form in each],
        }
        for name, flood in floods.items():
            await asyncio.gather(*(attacker.form(form) for form in flood))
            for step, wanted in (("check", 200), ("send", 201)):
                form = {**mine.pop(), "step": step}
                async with asyncio.timeout(5):
                    status, _ = await honest.form(form)
                attempts.record(f"starve honest forms: {name}, {step}", succeeded=status != wanted)
            gate.clock.move(seconds=300)


async def test_a_refused_try_does_not_spend_a_form(gate: Running, attempts: Attempts) -> None:
    async with client(gate, HONEST) as honest:
        form = await honest.opened()
        tries = ({**form, "description": ""}, {**form, "q-waargenomen": "x"}, {**form, "type": "x"}, form)
        for refused in tries:
            assert (await honest.form(refused))[0] >= 400  # the last one came too quickly
        gate.clock.move(seconds=10)
        lost = (await honest.form(form))[0] != 201
        attempts.record("spend a form by a refused try", succeeded=lost)


async def test_within_a_network_a_neighbour_waits_and_is_not_shut_out(
    gate: Running, attempts: Attempts
) -> None:
    async with client(gate, ATTACKER) as attacker, client(gate, NEIGHBOUR) as neighbour:
        forms = [await attacker.opened() for _ in range(30)]
        mine = await neighbour.opened()
        gate.clock.move(seconds=10)
        await asyncio.gather(*(attacker.form(form) for form in forms))
        by_proof = await neighbour.post(REPORTS, REPORT, await neighbour.solved()) == 201
        attempts.record("shut a neighbour with script out", succeeded=not by_proof)
        gate.clock.move(seconds=5)
        status, _ = await neighbour.form(mine)
        attempts.record("shut a neighbour without script out", succeeded=status != 201)


async def test_a_long_look_costs_its_asker_its_length(
    urls: DatabaseUrls, intake: Desk, attempts: Attempts
) -> None:
    """A network alone may use 30 pages of 2,000 characters at once, which is one look of 38,000 and a bit."""
    settings = {**GATE, "text_burst": 60, "text_per_second": 2, "intake_url": intake.url}
    async with (
        running_gateway(urls, Upstream("http://127.0.0.1:1"), **settings) as gate,
        client(gate, ATTACKER) as attacker,
        client(gate, HONEST) as honest,
    ):
        one = await attacker.solved()
        assert await attacker.post(LOOKS, LONG_LOOK, one) == 200
        again = await attacker.post(LOOKS, LONG_LOOK, one) == 200
        attempts.record("look at a long text twice for one proof", succeeded=again)
        looked = 1
        for _ in range(20 if IS_LONG else 5):
            looked += await attacker.post(LOOKS, LONG_LOOK, await attacker.solved()) == 200
        attempts.record("look at long texts with a proof each", succeeded=looked > 2)
        served = await honest.post(LOOKS, LOOK, await honest.solved()) == 200
        attempts.record("use up the looks of other networks", succeeded=not served)
