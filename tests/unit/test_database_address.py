"""The address of a database, as each driver reads it."""

from common.db import async_url
from sqlalchemy.engine import make_url


def test_tls_to_the_database_is_asked_of_both_drivers_in_their_own_words() -> None:
    given = "postgresql://intake_web:geheim@db.example:5432/intake?sslmode=verify-full"
    read = make_url(async_url(given))
    assert (read.drivername, read.query["ssl"]) == ("postgresql+asyncpg", "verify-full")
    dialect = read.get_dialect()()
    _, options = dialect.create_connect_args(read)
    assert options["ssl"] == "verify-full"
    assert "sslmode" not in options
