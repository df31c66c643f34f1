"""An operator sees one line for each API key, whatever its purpose says."""

from datetime import UTC, datetime

from gateway.__main__ import key_line
from gateway.domain.people import ApiKey
from gateway.store import ListedKey

NOW = datetime(2026, 11, 25, tzinfo=UTC)


def test_a_purpose_stays_on_its_line_and_commands_no_terminal() -> None:
    key = ApiKey("veldstad", "csv", frozenset({"export"}))
    line = key_line(ListedKey(key, "maandcijfers\nniets\talive\x1b[2J", NOW), NOW)
    assert line.replace("\t", "").isprintable()
    assert line.split("\t") == [
        "csv",
        "alive",
        "export",
        "types all",
        "no end",
        "last used never",
        "made by command",
        r"maandcijfers\nniets\talive\x1b[2J",
    ]
