"""No process starts with an address beyond its machine that is spoken to in clear or without verifying."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from common.addresses import SHOWN, PlainAddress, is_encrypted, is_local, refuse_plain
from common.certificates import make_authority
from common.flow import SERVICES
from common.messaging.administration import BrokerAdministration
from common.messaging.broker import Broker
from common.provisioning import apply_secrets, make_secrets
from common.runtime import serve
from common.settings import ServiceSettings
from notifier.partners import run_partners
from pydantic import ValidationError
from starlette.applications import Starlette

from tests.support.deployment import settings_type

ROOT = Path(__file__).parents[2]
_SECRET = "Zeegeheim77"
PLAIN = (
    f"postgresql://u:{_SECRET}@db.example/intake",
    f"postgresql://u:{_SECRET}@db.example/intake?sslmode=disable",
    f"postgresql://u:{_SECRET}@db.example/intake?sslmode=prefer",
    f"postgresql://u:{_SECRET}@db.example/intake?sslmode=require",
    f"postgresql://u:{_SECRET}@127.0.0.1/intake?sslmode=require",
    f"postgresql://u:{_SECRET}@db.example/intake?sslmode=verify-ca",
    f"postgresql://u:{_SECRET}@db.example/intake?sslmode=verify-full&sslmode=disable",
    f"postgresql://u:{_SECRET}@127.0.0.1,db.example/intake",
    f"postgresql://u:{_SECRET}@127.0.0.1/intake?host=db.example",
    f"postgresql://u:{_SECRET}@127.0.0.1/intake?service=elsewhere",
    "postgresql:///intake",
    f"postgresql://127.0.0.1:{_SECRET}@db.example/intake",
    f"postgresql://u:{_SECRET}@[2001:db8::1]/intake",
    f"amqp://u:{_SECRET}@mq.example/",
    f"AMQP://u:{_SECRET}@mq.example/",
    f"amqp://u:{_SECRET}@127.0.0.1.example/",
    f"amqp://127.0.0.1:{_SECRET}@mq.example/",
    f"amqp://u:{_SECRET}@0.0.0.0/",
    "http://intake:8000",
    "http://10.0.0.7:8000",
    "http://localhost.example",
    "ftp://127.0.0.1/",
)
FINE = (
    "postgresql://u:p@127.0.0.1:5432/intake",
    "postgresql://u:p@localhost/intake?sslmode=disable",
    "postgresql://u:p@[::1]:5432/intake",
    "postgresql:///intake?host=/var/run/postgresql",
    "postgresql://u:p@db.example/intake?sslmode=verify-full",
    "amqp://u:p@127.4.5.6:5672/",
    "amqps://u:p@mq.example/",
    "http://localhost:8000",
    "http://[::1]:8000",
    "https://intake:8000",
)
NEEDED = {
    "database_web_url": "postgresql://127.0.0.1:1/x",
    "database_flow_url": "postgresql://127.0.0.1:1/x",
    "broker_url": "amqp://127.0.0.1:1/",
    "identity_private_key": "x",
    "notifier_private_key": "x",
    "voucher_private_key": "x",
    "voucher_keys": "{}",
    "notifier_public_key": "x",
}


def settings_of(service: str, **changes: Any) -> ServiceSettings:
    return settings_type(service)(**{**NEEDED, "voucher_keys": {}, **changes})


@pytest.mark.parametrize("address", PLAIN)
def test_in_clear_beyond_this_machine_is_refused_without_telling_the_secret(address: str) -> None:
    with pytest.raises(PlainAddress) as refused:
        refuse_plain("VERMOEDEN_X_URL", address)
    told = str(refused.value)
    assert told.startswith("VERMOEDEN_X_URL: ")
    assert re.search(r"write .*(verify-full|amqps|https)", told, re.IGNORECASE)
    assert _SECRET not in told


@pytest.mark.parametrize(
    "address",
    [
        f"postgresql://u:{_SECRET}@127.0.0.1#/intake?host=db.example",
        f"postgresql://localhost:5/{_SECRET}@db.example/intake",
        f"postgresql://localhost:5?{_SECRET}@db.example/intake",
    ],
)
def test_a_database_whose_name_two_readers_take_differently_is_refused(address: str) -> None:
    with pytest.raises(PlainAddress, match=r"VERMOEDEN_X_URL: .* as %2F") as refused:
        refuse_plain("VERMOEDEN_X_URL", address)
    assert _SECRET not in str(refused.value)


@pytest.mark.parametrize("address", FINE)
def test_tls_and_this_machine_are_fine(address: str) -> None:
    refuse_plain("VERMOEDEN_X_URL", address)
    assert (
        is_encrypted(address)
        or "127." in address
        or "localhost" in address
        or "::1" in address
        or "=/" in address
    )


@pytest.mark.parametrize(
    ("host", "local"),
    [
        *(
            (each, True)
            for each in ("127.0.0.1", "127.255.0.3", "::1", "[::1]", "localhost", "LocalHost", "/run/x")
        ),
        *(
            (each, False)
            for each in ("", "8.8.8.8", "::", "127.1", "0x7f000001", "postgres", "127.0.0.1.nip.example")
        ),
    ],
)
def test_what_is_this_machine_is_known_by_its_address(host: str, local: bool) -> None:
    assert is_local(host) is local


def _called() -> Iterator[tuple[str, str]]:
    """Every setting of every service that may hold an address, by its name or by what it holds."""
    for service in SERVICES:
        for name, field in settings_type(service).model_fields.items():
            named = re.search(r"_(url|host|address)$", name) and field.annotation is not bool
            if (named or "://" in str(field.default)) and SHOWN not in field.metadata:
                yield service, name


@pytest.mark.parametrize(("service", "name"), sorted(set(_called())))
def test_no_setting_takes_a_place_elsewhere_in_clear(service: str, name: str) -> None:
    """A setting that is added and forgotten here has no plain value below, and fails."""
    values = {"smtp_host": "mail.example", "clamav_address": "scanner.example:3310"}
    for value in [values[name]] if name in values else PLAIN:
        security = {"smtp_security": "none"} if name == "smtp_host" else {}
        with pytest.raises(ValidationError) as refused:
            settings_of(service, **{name: value}, **security)
        told = str(refused.value)
        assert "VERMOEDEN_" in told
        assert _SECRET not in told


def test_addresses_that_are_only_shown_are_few() -> None:
    shown = {
        (service, name)
        for service in SERVICES
        for name, field in settings_type(service).model_fields.items()
        if SHOWN in field.metadata
    }
    assert shown == {("gateway", "security_contact"), ("notifier", "public_url")}


def test_tls_without_knowing_whom_to_trust_is_refused(tmp_path: Path) -> None:
    for name, value in (
        ("broker_url", "amqps://mq.example/"),
        ("database_web_url", "postgresql://u:p@db/x?sslmode=verify-full"),
        ("intake_url", "https://intake:8000"),
    ):
        with pytest.raises(ValidationError, match=f"VERMOEDEN_TLS_CA_FILE: .*VERMOEDEN_{name.upper()}"):
            settings_of("gateway", **{name: value})
        (tmp_path / "ca.crt").write_text(make_authority().certificate)
        settings_of("gateway", tls_ca_file=tmp_path / "ca.crt", **{name: value})


def test_a_refused_variable_ends_the_start_with_one_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in NEEDED.items():
        monkeypatch.setenv(f"VERMOEDEN_{name.upper()}", value)
    monkeypatch.setenv("VERMOEDEN_BROKER_URL", f"amqp://u:{_SECRET}@mq.example/")
    monkeypatch.setenv("VERMOEDEN_SECRETS_FOLDER", str(tmp_path))
    with pytest.raises(SystemExit) as ended:
        ServiceSettings.from_environment()
    assert str(ended.value) == (
        "VERMOEDEN_BROKER_URL: amqp:// is for this machine only (127.0.0.1, ::1, localhost)."
        " Write amqps:// and the name that stands in the server's certificate."
    )
    monkeypatch.delenv("VERMOEDEN_BROKER_URL")
    with pytest.raises(SystemExit, match=r"^VERMOEDEN_BROKER_URL: Field required\.$"):
        ServiceSettings.from_environment()


async def test_a_process_that_is_reached_from_elsewhere_does_not_start_without_a_certificate() -> None:
    for service, changes in (("casework", {}), ("gateway", {}), ("gateway", {"tls_callers": ("proxy",)})):
        with pytest.raises(SystemExit, match="VERMOEDEN_TLS_CERTIFICATE_FILE"):
            await serve(Starlette(), settings_of(service, host="0.0.0.0", **changes))  # noqa: S104


def test_what_is_built_by_hand_refuses_too(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(PlainAddress):
        Broker("amqp://mq.example/", name="x")
    with pytest.raises(PlainAddress):
        BrokerAdministration("http://mq.example:15672", "u", "p")
    for name, value in (
        ("BROKER_MANAGEMENT_URL", "https://mq.example:15671"),
        ("BROKER_ADMIN_USER", "u"),
        ("BROKER_ADMIN_PASSWORD", "p"),
        ("PARTNER_BROKER_URL", "amqp://mq.example:5672/"),
    ):
        monkeypatch.setenv(f"VERMOEDEN_{name}", value)
    order = ("provide-partner", "--municipality", "veldstad", "--partner", "politie")
    with pytest.raises(SystemExit, match="VERMOEDEN_PARTNER_BROKER_URL: amqp://"):
        run_partners(order)
    monkeypatch.setenv("VERMOEDEN_PARTNER_BROKER_URL", "amqps://mq.example/")
    monkeypatch.setenv("VERMOEDEN_BROKER_MANAGEMENT_URL", "http://mq.example:15672")
    with pytest.raises(SystemExit, match="management API's address: http://"):
        run_partners(order)
    monkeypatch.setenv("VERMOEDEN_BROKER_MANAGEMENT_URL", "https://mq.example:15671")
    with pytest.raises(SystemExit, match="VERMOEDEN_TLS_CA_FILE"):
        run_partners(order)


async def test_provisioning_refuses_an_administrators_address_in_clear(tmp_path: Path) -> None:
    make_secrets(tmp_path, postgres="127.0.0.1:1", broker="127.0.0.1:1", management="127.0.0.1:1")
    admin = tmp_path / "setup/admin/vermoeden_admin_database_url"
    admin.write_text(f"postgresql://u:{_SECRET}@db.example/postgres")
    with pytest.raises(SystemExit, match="a database in clear") as ended:
        await apply_secrets(tmp_path, patience_seconds=0)
    assert _SECRET not in str(ended.value)


#: Where a connection may be made or a context changed, and by what; every other place goes through these.
_MADE_IN = {
    "asyncpg.connect(": {"common/provision.py"},
    "asyncpg.create_pool(": {"reporting/copying.py"},
    "create_async_engine(": {"common/db.py"},
    "aio_pika.connect": {"common/messaging/broker.py"},
    "aiohttp.ClientSession(": {"common/messaging/management.py", "gateway/upstream.py"},
    "aiosmtplib.SMTP(": {"notifier/delivery/post.py"},
    "open_connection(": {"intake/files/scanner.py"},
    "build_opener(": {"gateway/importing/door.py"},  # to the front door, as everyone else; https or loopback
    "SSLContext(": {"common/tls.py"},
    "create_default_context(": set(),
    "CERT_NONE": set(),
    "_create_unverified": set(),
    "check_hostname = False": set(),
    "no_verify_ssl": set(),
    "SSLKEYLOGFILE": set(),
}


def test_connections_are_made_in_few_places_and_none_gives_up_verifying() -> None:
    sources = {
        str(file.relative_to(folder)): file.read_text(encoding="utf-8")
        for folder in (ROOT / "libs/common/src", ROOT / "gateway/src", *(ROOT / "services").glob("*/src"))
        for file in folder.rglob("*.py")
    }
    assert len(sources) > 150
    for words, places in _MADE_IN.items():
        assert {name for name, text in sources.items() if words in text} == places, words
