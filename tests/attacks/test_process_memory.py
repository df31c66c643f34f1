"""Who reads a process's memory finds no client's address in it, and soon nothing of a report."""

import asyncio
import json
import os
import secrets
import subprocess
import sys
from collections import Counter
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass

import aiohttp
import pytest
import pytest_asyncio
from common.messaging.envelope import encode
from common.messaging.handling import Dispatcher
from common.sealing import encode as base64url
from intake.consumers import handlers
from intake.main import build_attachments
from intake.seed import load_seed
from intake.signers import Signers
from local.servers import free_port

from gateway import actions
from tests.support.attempts import IS_LONG, Attempts
from tests.support.backing import Backing
from tests.support.databases import opened, service_database
from tests.support.gateway import PRIVATE_KEY, PUBLIC_KEY, municipality
from tests.support.intake import settings_for
from tests.support.memory import found_in
from tests.support.municipality import make_town
from tests.support.polling import wait_until

CLIENTS = 600 if IS_LONG else 200
REPORTS = 60 if IS_LONG else 15
#: After so long at most nothing is found; every round that overwrites comes within a second here.
SECONDS = 60.0
#: Of so many reports words may be left: whatever was freed while a round ran waits for the next.
_MOST_LEFT = REPORTS // 15


@dataclass(frozen=True)
class Door:
    """A gateway and an intake as processes of their own."""

    url: str
    processes: Mapping[str, int]


@contextmanager
def serving(service: str, environment: Mapping[str, str]) -> Iterator[int]:
    process = subprocess.Popen([sys.executable, "-m", service, "serve"], env={**os.environ, **environment})
    try:
        yield process.pid
    finally:
        process.terminate()
        process.wait(30)


@pytest_asyncio.fixture(scope="module")
async def door(backing: Backing, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Door]:
    """Both, behind a proxy on this machine; the broker is away, which keeps no report out."""
    folder = tmp_path_factory.mktemp("door")
    urls = {name: await service_database(backing, name) for name in ("gateway", "intake")}
    settings = settings_for(urls["intake"], folder)
    async with opened(urls["intake"]) as database:
        dispatcher = Dispatcher(
            handlers(load_seed(), build_attachments(settings, database), Signers(settings.own_key))
        )
        async with database.flowing() as connection:
            await dispatcher.apply(connection, [encode(make_town("veldstad").state)])
    async with opened(urls["gateway"]) as database:
        await actions.configure_municipality(database, municipality("veldstad"))
    ports: set[int] = set()
    for _ in range(4):
        ports.add(free_port(frozenset(ports)))
    gateway, intake, *operations = sorted(ports)
    of_intake = {
        "VERMOEDEN_BROKER_URL": "amqp://intake@127.0.0.1:1/",
        "VERMOEDEN_FORGET_SECONDS": "1",
        "VERMOEDEN_DATABASE_WEB_URL": urls["intake"].web,
        "VERMOEDEN_DATABASE_FLOW_URL": urls["intake"].flow,
        "VERMOEDEN_IDENTITY_KEYS": json.dumps({"k1": PUBLIC_KEY}),
        "VERMOEDEN_NOTIFIER_PUBLIC_KEY": settings.notifier_public_key,
        "VERMOEDEN_VOUCHER_PRIVATE_KEY": settings.voucher_private_key.get_secret_value(),
        "VERMOEDEN_PORT": str(intake),
        "VERMOEDEN_OPERATIONS_PORT": str(operations[0]),
        "VERMOEDEN_FILES_FOLDER": str(folder / "files"),
    }
    of_gateway = {
        "VERMOEDEN_BROKER_URL": "amqp://gateway@127.0.0.1:1/",
        "VERMOEDEN_FORGET_SECONDS": "1",
        "VERMOEDEN_DATABASE_WEB_URL": urls["gateway"].web,
        "VERMOEDEN_DATABASE_FLOW_URL": urls["gateway"].flow,
        "VERMOEDEN_IDENTITY_PRIVATE_KEY": base64url(PRIVATE_KEY),
        "VERMOEDEN_VOUCHER_KEYS": "{}",
        "VERMOEDEN_INTAKE_URL": f"http://127.0.0.1:{intake}",
        "VERMOEDEN_PORT": str(gateway),
        "VERMOEDEN_OPERATIONS_PORT": str(operations[1]),
        "VERMOEDEN_DEFAULT_MUNICIPALITY": "veldstad",
        "VERMOEDEN_PROOF_BITS": "0",
        "VERMOEDEN_PROXIES": "127.0.0.1",
        "VERMOEDEN_IS_HTTPS": "false",
    }
    with serving("intake", of_intake) as intake_process, serving("gateway", of_gateway) as gateway_process:
        made = Door(f"http://127.0.0.1:{gateway}", {"gateway": gateway_process, "intake": intake_process})
        await wait_until(lambda: _answers(made.url), seconds=60)
        yield made


async def _answers(url: str) -> bool:
    try:
        async with aiohttp.ClientSession() as client, client.get(f"{url}/api/v1/signal-types") as answer:
            return answer.status == 200
    except aiohttp.ClientError:
        return False


def _addresses(count: int) -> list[str]:
    """So many addresses, each in a network of its own."""
    return [f"{198 + each % 5}.{51 + each // 250}.{each % 250}.{137 + each % 90}" for each in range(count)]


async def _ask_from(url: str, address: str, number: int) -> None:
    told = {"X-Forwarded-For": f"10.9.8.7, {address}" if number % 2 else address}
    if number % 3 == 0:
        told["Forwarded"] = f"for={address}"
    async with aiohttp.ClientSession(url) as client:
        for path in ("/api/v1/challenges", "/veldstad/melden"):
            async with client.get(path, headers=told) as answer:
                await answer.read()
        async with client.post("/api/v1/reports", headers=told, data=b"{}") as answer:
            await answer.read()


async def _ask_directly(url: str, address: str) -> None:
    connector = aiohttp.TCPConnector(local_addr=(address, 0))
    async with (
        aiohttp.ClientSession(url, connector=connector) as client,
        client.get("/api/v1/challenges") as answer,
    ):
        await answer.read()


async def _until_few(door: Door, wanted: Mapping[str, bytes], most: int) -> Counter[tuple[str, str]]:
    """How many of these are still there, by process and first word of their names.

    As soon as there are no more than so many of any, or else when the time is over.
    """
    left: Counter[tuple[str, str]] = Counter()

    async def is_gone() -> bool:
        nonlocal left
        async with aiohttp.ClientSession(door.url) as others:
            for number in range(3):  # a thread's stack is written over by its next work
                await _tell_shortly(others, _short_words(), number)
        looked = await asyncio.gather(
            *(asyncio.to_thread(found_in, each, wanted) for each in door.processes.values())
        )
        left = Counter(
            (service, name.partition(" ")[0])
            for service, found in zip(door.processes, looked, strict=True)
            for name in found
        )
        return all(count <= most for count in left.values())

    with suppress(AssertionError):
        await wait_until(is_gone, seconds=SECONDS, pause_seconds=1)
    return left


async def test_no_address_of_a_client_stays_in_memory(door: Door, attempts: Attempts) -> None:
    told = _addresses(CLIENTS)
    direct = [f"127.{number + 20}.31.{number % 200 + 17}" for number in range(CLIENTS // 4)]
    for number, address in enumerate(told):
        await _ask_from(door.url, address, number)
    for address in direct:
        await _ask_directly(door.url, address)
    written = {each: each.encode() for each in (*told, *direct)}
    left = await _until_few(door, written, 0)
    for service in door.processes:
        for address in written:
            attempts.record(f"{service}: an address in memory", succeeded=left[service, address] > 0)


def _canary() -> str:
    """Words that no anonymiser hides and nothing else says."""
    return " ".join(
        secrets.choice(("kaneel", "zolder", "ploegt", "wimpel")) + secrets.token_hex(6) for _ in range(3)
    )


async def test_nothing_of_a_report_stays_in_memory(door: Door, attempts: Attempts) -> None:
    canaries = [_canary() for _ in range(REPORTS)]
    answers = {"waargenomen": "zelf-waargenomen", "geur": "nee"}
    async with aiohttp.ClientSession(door.url) as client:
        for number, canary in enumerate(canaries):
            told = f"Bij de loods {canary}. " + "Het ruikt er al weken. " * (number % 15 * 20)
            report = {"signalType": "hennepteelt", "description": told, "answers": answers}
            key = {"Idempotency-Key": secrets.token_urlsafe(24)}
            async with client.post("/api/v1/reports", json=report, headers=key) as answer:
                assert answer.status == 201, await answer.text()
            form = {
                "type": "hennepteelt",
                "step": "check",
                "q-waargenomen": "zelf-waargenomen",
                "q-geur": "nee",
            }
            async with client.post("/veldstad/melden", data={**form, "description": told}) as page:
                assert page.status in {200, 429}
    wanted = {f"words {n}": each.encode() for n, each in enumerate(canaries)}
    left = await _until_few(door, wanted, _MOST_LEFT)
    for service in door.processes:
        found = left[service, "words"]
        attempts.record(f"{service}: words of reports in memory", succeeded=found > _MOST_LEFT)


def _short_words() -> dict[str, str]:
    """One text for each line of a report; none is as long as what pydantic would not keep."""
    told = {"mail": "melder{}@voorbeeld.example", "address": "Eikelpad{} 9", "hide": "merkwoord{}"}
    told |= {"name": "Naam{}", "answer": "antwoord{}", "description": "kort{}"}
    return {field: words.format(secrets.token_hex(6)) for field, words in told.items()}


async def _tell_shortly(client: aiohttp.ClientSession, words: Mapping[str, str], number: int) -> int:
    """Send these by the API, look by the API at what would be hidden, or check them on a page; the status."""
    description = f"{words['description']} {words['hide']}"
    answers = {"waargenomen": "zelf-waargenomen", "geur": "nee", "aanvoer": words["answer"]}
    told = {"description": description, "address": words["address"], "hide": [words["hide"]]}
    key = {"Idempotency-Key": secrets.token_urlsafe(24)}
    if number % 3 == 0:
        contact = {"mail": words["mail"], "name": words["name"]}
        report = {**told, "signalType": "hennepteelt", "answers": answers, "contact": contact}
        sent = client.post("/api/v1/reports", json=report, headers=key)
    elif number % 3 == 1:
        place = {"neighbourhood": words["name"]}
        sent = client.post("/api/v1/anonymisations", json={**told, **place, "answers": answers}, headers=key)
    else:
        form = {"type": "hennepteelt", "step": "check", "hide_more": words["hide"], "mail": words["mail"]}
        answered = {f"q-{question}": answer for question, answer in answers.items()}
        typed = {"address": words["address"], "name": words["name"], "description": description}
        sent = client.post("/veldstad/melden", data={**form, **answered, **typed})
    async with sent as answer:
        return answer.status


async def test_no_short_text_of_a_report_stays_in_memory(door: Door, attempts: Attempts) -> None:
    told = [_short_words() for _ in range(REPORTS)]
    async with aiohttp.ClientSession(door.url) as client:
        for number, words in enumerate(told):
            assert await _tell_shortly(client, words, number) in {200, 201}
    wanted = {f"{field} {n}": each.encode() for n, words in enumerate(told) for field, each in words.items()}
    left = await _until_few(door, wanted, _MOST_LEFT)
    for service in door.processes:
        for field in _short_words():
            found = left[service, field]
            attempts.record(f"{service}: {field} of reports in memory", succeeded=found > _MOST_LEFT)


async def test_nothing_of_what_was_asked_for_stays_in_memory(door: Door, attempts: Attempts) -> None:
    """An address of a page names a report, or what somebody typed; a password may be that of another site."""
    told = [{kind: secrets.token_hex(12) for kind in ("report", "query", "password")} for _ in range(REPORTS)]
    odd = [secrets.token_hex(12) for _ in told]
    async with aiohttp.ClientSession(door.url) as client:
        for words, each in zip(told, odd, strict=True):
            report, query = words["report"], words["query"]
            paths = (f"/veldstad/werklijst/{report}", f"/veldstad/melden?terug={query}")
            passed = (f"/api/v1/files/{report}", f"/api/v1/signal-types?q={query}")
            for path in (*paths, *passed, f"/veldstad/café {each}?taal=“{each}”"):
                async with client.get(path) as answer:
                    await answer.read()
            typed = {"login": "noor", "password": f"wachtwoord {words['password']}"}
            async with client.post("/api/v1/sessions", json=typed) as answer:
                assert answer.status in {401, 429, 503}, answer.status
    wanted = {f"{kind} {n}": word.encode() for n, words in enumerate(told) for kind, word in words.items()}
    wanted |= {f"odd {n}": each.encode() for n, each in enumerate(odd)}
    left = await _until_few(door, wanted, _MOST_LEFT)
    for service in door.processes:
        for kind in ("report", "query", "password", "odd"):
            found = left[service, kind]
            attempts.record(f"{service}: {kind} of what was asked in memory", succeeded=found > _MOST_LEFT)
