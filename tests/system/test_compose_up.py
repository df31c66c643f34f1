"""``docker compose up``: it comes up healthy, takes a report and routes it, and is shut to everyone else."""

import json
import secrets
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from typing import Any

import pytest
from common.flow import SERVICES
from gateway.domain.proof import solve

from tests.support.composing import Composed

PASSWORD = "een lang wachtwoord"
MAIL = "melder@voorbeeld.example"
REPORT = {
    "signalType": "hennepteelt",
    "description": "Het ruikt naar wiet bij de garageboxen.",
    "answers": {"waargenomen": "zelf-waargenomen", "geur": "vaak"},
    "contact": {"mail": MAIL},
}


@pytest.fixture(scope="module")
def composed() -> Iterator[Composed]:
    made = Composed()
    try:
        made.run("build")
        made.run("up", "--detach", "--wait", "--no-build")
        yield made
    finally:
        made.remove()


def _ask(composed: Composed, method: str, path: str, body: Any = None, **headers: str) -> Any:
    request = urllib.request.Request(  # noqa: S310 - our own http address
        f"{composed.url}{path}",
        method=method,
        data=None if body is None else json.dumps(body).encode(),
        headers={"Content-Type": "application/json", "Municipality": "waterdam", **headers},
    )
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        return opener.open(request, timeout=30)
    except urllib.error.HTTPError as error:
        raise AssertionError(f"{method} {path}: {error.code} {error.read().decode()}") from error


def _until(what: str, condition: Any, seconds: float = 30) -> Any:
    give_up_at = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < give_up_at, f"not within {seconds} s: {what}"
        time.sleep(0.2)
    return found


def test_every_container_is_healthy_or_has_done_its_work(composed: Composed) -> None:
    for name, container in composed.containers().items():
        state = container["State"]
        if container["HostConfig"]["RestartPolicy"]["Name"] == "no":
            assert (state["Status"], state["ExitCode"]) == ("exited", 0), name
        else:
            assert state["Health"]["Status"] == "healthy", name


def test_a_report_through_the_gateway_is_kept_routed_and_answered(composed: Composed) -> None:
    key = secrets.token_urlsafe(24)
    challenge = json.loads(_ask(composed, "GET", "/api/v1/challenges").read())
    solved = f"{challenge['token']}~{solve(challenge['token'], key, challenge['bits'])}"
    sent = {"Idempotency-Key": key, "Proof-Of-Work": solved}
    first = _ask(composed, "POST", "/api/v1/reports", REPORT, **sent)
    assert first.status == 201
    receipt = json.loads(first.read())["receipt"]
    again = _ask(composed, "POST", "/api/v1/reports", REPORT, **sent)
    assert (again.status, json.loads(again.read())["receipt"]) == (201, receipt)

    add = "add-person --municipality waterdam --login noor --name Noor --role handler --department oov"
    composed.run("exec", "-T", "gateway", "service", *add.split(), text=f"{PASSWORD}\n")
    session = _ask(composed, "POST", "/api/v1/sessions", {"login": "noor", "password": PASSWORD})
    cookie = session.headers["Set-Cookie"].partition(";")[0]

    def routed() -> list[Any]:
        return list(json.loads(_ask(composed, "GET", "/api/v1/reports", Cookie=cookie).read())["reports"])

    (report,) = _until("the report is on the work list", routed)
    assert (report["signalType"], report["department"], report["status"]) == ("hennepteelt", "oov", "new")
    _until("the mail is caught", lambda: MAIL in composed.run("logs", "--no-log-prefix", "mail"))


def test_only_the_gateway_is_reached_and_only_from_this_machine(composed: Composed) -> None:
    published = {
        name: {(each["HostIp"], each["HostPort"]) for ports in bound.values() for each in ports}
        for name, container in composed.containers().items()
        if (bound := container["HostConfig"]["PortBindings"])
    }
    assert published == {"gateway": {("127.0.0.1", str(composed.port))}}


def test_a_service_reaches_no_other_service_and_nothing_outside(composed: Composed) -> None:
    networks = {
        name: container["NetworkSettings"]["Networks"] for name, container in composed.containers().items()
    }
    way_out = {"gateway": ["door"], "notifier": ["mail"]}
    for name in SERVICES:
        open_ones = [each.rpartition("_")[2] for each in networks[name] if not composed.is_internal(each)]
        assert open_ones == way_out.get(name, []), name
    others = [
        (each["IPAddress"], 8000)
        for name in ("casework", "notifier", "reporting")
        for each in networks[name].values()
    ]
    code = f"""
import asyncio
async def reached(host, port):
    try:
        _, writer = await asyncio.wait_for(asyncio.open_connection(host, port), 2)
    except (OSError, TimeoutError):
        return False
    writer.close()
    return True
async def ask(places):
    print(await asyncio.gather(*(reached(*place) for place in places)))
asyncio.run(ask([('postgres', 5432), ('rabbitmq', 5671), ('127.0.0.1', 8000)]))
asyncio.run(ask([('rabbitmq', 5672), ('rabbitmq', 15672), *{others!r}]))
"""
    assert composed.python("intake", code).splitlines() == [str([True] * 3), str([False] * (len(others) + 2))]


def test_the_database_takes_a_service_over_tls_and_nobody_in_clear(composed: Composed) -> None:
    code = """
import asyncio, asyncpg, ssl
from intake.settings import IntakeSettings
settings = IntakeSettings.from_environment()
url = settings.database_web_url.get_secret_value().partition('?')[0]
async def sign_in(context):
    connection = await asyncpg.connect(url, ssl=context)
    print(*await connection.fetchrow('SELECT ssl, version FROM pg_stat_ssl WHERE pid = pg_backend_pid()'))
    await connection.close()
asyncio.run(sign_in(settings.tls.client()))
try:
    asyncio.run(sign_in(False))
except asyncpg.InvalidAuthorizationSpecificationError as error:
    print('no encryption' in str(error))
"""
    assert composed.python("intake", code).splitlines() == ["True TLSv1.3", "True"]


def test_a_service_answers_the_gateway_only_and_takes_a_renewed_certificate_by_itself(
    composed: Composed,
) -> None:
    code = """
import asyncio, sys
from gateway.settings import GatewaySettings
settings = GatewaySettings.from_environment()
async def ask(shows):
    context = settings.tls.client(shows=shows)
    reader, writer = await asyncio.open_connection('intake', 8000, ssl=context)
    writer.write(b'GET / HTTP/1.1\\r\\nHost: intake\\r\\nConnection: close\\r\\n\\r\\n')
    try:
        answer = await reader.read(8)
    except OSError:
        answer = b''
    shown = writer.get_extra_info('ssl_object').getpeercert()
    print(answer.decode(), shown['serialNumber'])
asyncio.run(ask(sys.argv[1] == 'shows'))
"""

    def ask(how: str) -> list[str]:
        return composed.run("exec", "-T", "gateway", "python", "-c", code, how, seconds=60).split()

    answered, serial = ask("shows")
    assert answered == "HTTP/1.1"
    assert ask("hides") == [serial]
    composed.run("run", "--rm", "secrets", "renew-certificates", "/secrets")
    _until("intake shows the renewed certificate", lambda: ask("shows")[-1] != serial, seconds=120)
    assert ask("shows")[0] == "HTTP/1.1"
    _until(
        "the gateway reaches intake with it",
        lambda: _ask(composed, "GET", "/api/v1/challenges").status == 200,
    )


@pytest.mark.parametrize("service", SERVICES)
def test_a_process_has_no_rights_and_can_write_nowhere(composed: Composed, service: str) -> None:
    code = """
import os, pathlib
status = dict(line.split(':', 1) for line in pathlib.Path('/proc/1/status').read_text().splitlines())
print(os.getuid(), int(status['CapEff'], 16), status['NoNewPrivs'].strip())
for place in ('/', '/opt/vermoeden', '/run/secrets', '/var/tmp'):
    try:
        pathlib.Path(place, 'written').write_text('')
    except OSError:
        continue
    print('could write in', place)
print([each.name for each in pathlib.Path('/run/secrets').iterdir() if 'owner' in each.name])
"""
    assert composed.python(service, code).splitlines() == ["10001 0 1", "[]"]


def test_a_stop_lets_every_process_finish(composed: Composed) -> None:
    composed.run("stop", *SERVICES)
    ended = {name: each["State"]["ExitCode"] for name, each in composed.containers().items()}
    assert {name: ended[name] for name in SERVICES} == dict.fromkeys(SERVICES, 0)
