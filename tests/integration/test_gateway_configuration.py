"""Configuring municipalities, by function and by command."""

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
import yaml
from common.contracts.gateway import MunicipalityConfigured
from common.db import Database
from common.errors import Malformed
from common.messaging.envelope import read_envelope, read_event
from common.provision import DatabaseUrls
from common.sealing import encode
from common.vouching import Signing, new_signing_key, require_protections
from gateway.configuration import MunicipalityState
from sqlalchemy import text

from gateway import actions
from tests.support.backing import Backing
from tests.support.databases import opened, service_database
from tests.support.gateway import PRIVATE_KEY, SIGNING, municipality, running_gateway, running_upstream


@pytest_asyncio.fixture(scope="module")
async def urls(backing: Backing) -> DatabaseUrls:
    """One database for this module; each test takes a municipality of its own."""
    return await service_database(backing, "gateway")


@pytest_asyncio.fixture
async def database(urls: DatabaseUrls) -> AsyncIterator[Database]:
    """The module's database."""
    async with opened(urls) as found:
        yield found


async def _spoken(database: Database, code: str) -> list[MunicipalityConfigured]:
    async with database.flowing() as connection:
        rows = await connection.execute(
            text("SELECT body FROM outbox WHERE municipality = :code ORDER BY id"), {"code": code}
        )
        events = [read_event(read_envelope(body), MunicipalityConfigured).event for body in rows.scalars()]
    return [event for event in events if isinstance(event, MunicipalityConfigured)]


async def test_a_new_municipality_is_spoken_in_full_and_a_repeat_is_silent(database: Database) -> None:
    state = municipality("aastad")
    assert await actions.configure_municipality(database, state) == actions.Configured(1, is_changed=True)
    assert await actions.configure_municipality(database, state) == actions.Configured(1, is_changed=False)
    (event,) = await _spoken(database, "aastad")
    assert event.model_dump() == state.as_event(1).model_dump()
    assert event.partners[0].subscription is not None
    assert event.partners[0].subscription.signal_types == ("drugslab",)


async def test_a_change_gets_the_next_version_and_removes_what_is_left_out(database: Database) -> None:
    state = municipality("beestad")
    await actions.configure_municipality(database, state)
    smaller = state.model_copy(update={"partners": (), "departments": state.departments[:1]})
    assert (await actions.configure_municipality(database, smaller)).version == 2
    assert [event.version for event in await _spoken(database, "beestad")] == [1, 2]
    assert (await _spoken(database, "beestad"))[1].partners == ()


async def test_what_a_municipality_asks_of_reports_is_kept_and_spoken_again(database: Database) -> None:
    state = municipality(
        "aabstad",
        fileLimits={"maxCount": 3, "maxPhotoMib": 10},
        neighbourhoods=[{"code": "molenwijk", "name": "Molenwijk"}, {"code": "haven", "name": "De Haven"}],
        formLayout="one-per-page",
        whoMayReport="invited",
        fourEyesOnForms=True,
    )
    assert (await actions.configure_municipality(database, state)).version == 1
    assert not (await actions.configure_municipality(database, state)).is_changed
    await actions.republish(database)
    first, again = await _spoken(database, "aabstad")
    assert first == again
    assert again.model_dump() == state.as_event(1).model_dump()
    assert [each.name for each in again.neighbourhoods] == ["Molenwijk", "De Haven"]
    assert again.file_limits is not None
    assert again.file_limits.max_photo_mib == 10


async def test_two_at_once_make_two_versions_at_most(database: Database) -> None:
    state = municipality("ceestad")
    done = await asyncio.gather(*(actions.configure_municipality(database, state) for _ in range(4)))
    assert sorted(each.is_changed for each in done) == [False, False, False, True]


async def test_republishing_speaks_the_same_version_again(database: Database) -> None:
    await actions.configure_municipality(database, municipality("deestad"))
    assert "deestad" in await actions.republish(database)
    first, second = await _spoken(database, "deestad")
    assert first == second


THEIRS = Signing(new_signing_key())


@pytest.mark.parametrize(
    ("change", "pointer", "code"),
    [
        ({"catchAllDepartment": "weg"}, "/catchAllDepartment", "unknown-department"),
        (
            {"neighbourhoods": [{"code": "haven", "name": "Haven"}, {"code": "haven", "name": "Kade"}]},
            "/neighbourhoods/1/code",
            "repeated",
        ),
        (
            {"neighbourhoods": [{"code": "haven", "name": "Haven"}, {"code": "kade", "name": "Haven"}]},
            "/neighbourhoods/1/name",
            "repeated",
        ),
        (
            {"neighbourhoods": [{"code": f"w{n:050}", "name": f"{n:080}"} for n in range(600)]},
            "",
            "too-large",
        ),
        (
            {"departments": [{"code": "toezicht", "name": "A"}, {"code": "toezicht", "name": "B"}]},
            "/departments/1/code",
            "repeated",
        ),
        (
            {"keys": [{"group": "general", "keyId": "g", "publicKey": "AAAA"}]},
            "/keys/0/publicKey",
            "not-a-public-key",
        ),
        (
            {"keys": [{"group": "identity", "keyId": "g", "publicKey": encode(bytes(32))}]},
            "/keys",
            "no-general-key",
        ),
        ({"signers": []}, "/signers", "no-signer"),
        ({"signers": [{"publicKey": THEIRS.public_key}]}, "/keys/0/signature", "key-not-signed"),
        (
            {"signers": [{"publicKey": SIGNING.public_key}, {"publicKey": THEIRS.public_key}]},
            "/signers",
            "signer-not-signed",
        ),
        (
            {"signers": [{"publicKey": SIGNING.public_key}], "protections": {"textInClear": True}},
            "/protections/signature",
            "protections-not-signed",
        ),
        (
            {"signers": [{"publicKey": SIGNING.public_key}], "protections": {"textInClear": False}},
            "/textInClear",
            "not-as-signed",
        ),
        ({"hosts": ["https://x.example/"]}, "/hosts/0", "not-a-host"),
    ],
)
async def test_what_is_wrong_is_named_and_nothing_changes(
    database: Database, change: dict[str, Any], pointer: str, code: str
) -> None:
    with pytest.raises(Malformed) as caught:
        await actions.configure_municipality(database, municipality("eestad", **change))
    assert (pointer, code) in {(each.pointer, each.code) for each in caught.value.errors}
    assert await _spoken(database, "eestad") == []


async def test_a_signer_passes_on_to_the_next_and_no_other_takes_its_place(
    database: Database, tmp_path: Path
) -> None:
    file, first, second = (tmp_path / name for name in ("estad.yaml", "first", "second"))
    unsigned = municipality("estad", signers=[]).model_dump(mode="json", by_alias=True)

    told: list[str] = []

    def sign(state: object, *options: str) -> dict[str, Any]:
        file.write_text(json.dumps(state))
        done = _sign_keys(file, *options)
        assert done.returncode == 0, done.stderr
        told.append(done.stderr.strip())
        signed: dict[str, Any] = yaml.safe_load(done.stdout)
        return signed

    begun = sign(unsigned, "--signer", str(first))
    assert first.stat().st_mode & 0o077 == 0
    assert sign(begun, "--signer", str(first)) == begun
    passed_on = sign(begun, "--signer", str(second), "--previous", str(first))
    newest = json.dumps({"estad": passed_on["signers"][-1]["publicKey"]})
    assert told[-1].startswith("Signed: anonymised texts may leave intake unsealed; restricted types: those")
    assert told[-1].endswith(f"\nFor intake: VERMOEDEN_SIGNERS='{newest}'")
    stolen = sign(unsigned, "--signer", str(tmp_path / "theirs"))
    back = sign(unsigned, "--signer", str(first))
    for state in (begun, passed_on):
        await actions.configure_municipality(database, MunicipalityState.model_validate(state))
    for state in (stolen, back):
        with pytest.raises(Malformed) as caught:
            await actions.configure_municipality(database, MunicipalityState.model_validate(state))
        assert caught.value.errors[0].code == "other-signer"
    spoken = await _spoken(database, "estad")
    assert len(spoken) == 2


def test_no_signer_before_is_made_up_for_a_path_that_is_wrong(tmp_path: Path) -> None:
    file, new, previous = (tmp_path / name for name in ("estad.yaml", "new", "previuos"))
    file.write_text(json.dumps(municipality("estad", signers=[]).model_dump(mode="json", by_alias=True)))
    done = _sign_keys(file, "--signer", str(new), "--previous", str(previous))
    assert done.returncode == 1
    assert done.stderr.strip() == (
        f"{previous} is missing: --previous takes the private half of the signer before."
    )
    assert not previous.exists()
    assert not new.exists()


def _sign_keys(file: Path, *options: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-m", "gateway", "sign-keys", str(file), *options],
        capture_output=True,
        text=True,
        timeout=60,
    )


async def test_what_was_signed_of_protection_is_spoken_and_never_left_out_again(database: Database) -> None:
    state = municipality("kastad", protections={"restrictedTypes": ["druk"]})
    await actions.configure_municipality(database, state)
    spoken = (await _spoken(database, "kastad"))[0].protections
    assert spoken is not None
    assert (spoken.text_in_clear, spoken.restricted_types) == (True, ("druk",))
    require_protections("kastad", spoken, SIGNING.public_key)
    with pytest.raises(Malformed) as caught:
        await actions.configure_municipality(database, state.model_copy(update={"protections": None}))
    assert [each.code for each in caught.value.errors] == ["protections-gone"]


async def test_a_host_of_another_municipality_is_refused(database: Database) -> None:
    await actions.configure_municipality(database, municipality("efstad"))
    with pytest.raises(Malformed) as caught:
        await actions.configure_municipality(database, municipality("geestad", hosts=["efstad.example"]))
    assert caught.value.errors[0].code == "host-taken"


async def test_a_running_gateway_knows_a_new_municipality_soon(
    urls: DatabaseUrls, database: Database
) -> None:
    async with running_upstream() as upstream, running_gateway(urls, upstream) as running:
        await actions.configure_municipality(database, municipality("hastad"))
        await running.front.directory.refresh()
        async with running.client.get("/api/v1/signal-types", headers={"Municipality": "hastad"}) as answer:
            assert (await answer.json())["identity"]["municipality"] == "hastad"


def _command(urls: DatabaseUrls, *arguments: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
    environment = {
        **os.environ,
        "VERMOEDEN_DATABASE_WEB_URL": urls.web,
        "VERMOEDEN_DATABASE_FLOW_URL": urls.flow,
        "VERMOEDEN_BROKER_URL": "amqp://127.0.0.1:1/",
        "VERMOEDEN_IDENTITY_PRIVATE_KEY": encode(PRIVATE_KEY),
        "VERMOEDEN_VOUCHER_KEYS": "{}",
    }
    return subprocess.run(
        [sys.executable, "-m", "gateway", *arguments],
        env=environment,
        input=stdin,
        capture_output=True,
        text=True,
        timeout=60,
    )


async def test_the_commands_configure_and_admit(urls: DatabaseUrls, tmp_path: Path) -> None:
    file = tmp_path / "istad.yaml"
    file.write_text(municipality("istad").model_dump_json(by_alias=True), encoding="utf-8")
    assert "configured, version 1" in _command(urls, "configure", str(file)).stdout
    assert "unchanged, version 1" in _command(urls, "configure", str(file)).stdout
    person = ("add-person", "--municipality", "istad", "--login", "a", "--name", "A", "--role", "handler")
    done = _command(urls, *person, stdin="een lang wachtwoord\n")
    assert (done.returncode, "person" in done.stdout) == (0, True), done.stderr
    key = _command(
        urls, "add-api-key", "--municipality", "istad", "--name", "csv", "--role", "export", "--purpose", "x"
    )
    assert key.stdout.startswith("vk_")
    assert "istad" in _command(urls, "republish").stdout


async def test_a_command_says_what_is_wrong(urls: DatabaseUrls, tmp_path: Path) -> None:
    file = tmp_path / "jstad.json"
    content = json.loads(municipality("jstad").model_dump_json(by_alias=True))
    file.write_text(json.dumps({**content, "kleur": "rood", "textInClear": "misschien"}), encoding="utf-8")
    done = _command(urls, "configure", str(file))
    assert done.returncode == 1
    assert "/kleur" in done.stderr
    assert "/textInClear" in done.stderr
    person = ("add-person", "--municipality", "nergens", "--login", "a", "--name", "A")
    done = _command(urls, *person, stdin="kort\n")
    assert (done.returncode, "unknown-municipality" in done.stderr) == (1, True)
