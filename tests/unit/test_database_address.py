"""The address of a database, as the driver gets it."""

import ssl
from pathlib import Path

import pytest
from common.addresses import PlainAddress
from common.certificates import make_authority
from common.db import driver_address, make_engine
from common.tls import NoCertificate, Tls
from sqlalchemy.engine import make_url


@pytest.fixture
def tls(tmp_path: Path) -> Tls:
    (tmp_path / "ca.crt").write_text(make_authority().certificate)
    return Tls(tmp_path / "ca.crt")


@pytest.mark.parametrize(
    ("given", "bare"),
    [
        ("postgresql://u:p@db.example:5432/i?sslmode=verify-full", "postgresql://u:p@db.example:5432/i"),
        ("postgresql://u:p@db/i?sslmode=verify-full&target=x", "postgresql://u:p@db/i?target=x"),
        ("postgresql://u:p@db/i?target=x&sslmode=verify-full", "postgresql://u:p@db/i?target=x"),
    ],
)
def test_the_driver_gets_a_context_that_verifies_and_nothing_to_decide(
    tls: Tls, given: str, bare: str
) -> None:
    address, context = driver_address(given, tls)
    assert address == bare
    assert isinstance(context, ssl.SSLContext)
    assert (context.verify_mode, context.check_hostname) == (ssl.CERT_REQUIRED, True)


@pytest.mark.parametrize("query", ["", "?sslmode=disable"])
def test_on_this_machine_it_goes_in_clear_whatever_the_environment_says(query: str) -> None:
    given = f"postgresql://u:p@127.0.0.1:5432/i{query}"
    assert driver_address(given, Tls()) == ("postgresql://u:p@127.0.0.1:5432/i", False)


def test_a_database_elsewhere_needs_an_authority_to_trust() -> None:
    with pytest.raises(NoCertificate, match="VERMOEDEN_TLS_CA_FILE"):
        driver_address("postgresql://u:p@db.example/i?sslmode=verify-full", Tls())


def test_an_engine_is_made_for_such_an_address_only(tls: Tls) -> None:
    engine = make_engine("postgresql://u:p@db.example:5432/i?sslmode=verify-full", tls)
    assert engine.url == make_url("postgresql+asyncpg://u:p@db.example:5432/i")
    with pytest.raises(PlainAddress):
        make_engine("postgresql://u:p@db.example:5432/i", tls)
