"""What a mail to a reporter gives away by its size, and whose words stand in it."""

from datetime import UTC, datetime
from uuid import uuid4

import pytest
from notifier.delivery.mail import compose, notice_letter
from notifier.domain import name_in_mail

_SHORT = (
    "anna.de.vries@voorbeeld.example",
    "jan+nieuws-1@voorbeeld.example1",
    "x_9@een.lang.domein.nl.example1",
)
_LONG = ("een" + ".heel" * 12 + "@voorbeeld.example", "e" * 63 + "@voorbeeld.example")
_MOMENTS = (datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 12, 30, 23, 59, 59, 999, tzinfo=UTC))


@pytest.mark.parametrize("language", ["nl", "en"])
@pytest.mark.parametrize("addresses", [_SHORT, _LONG])
def test_mails_to_addresses_of_one_length_have_one_size(language: str, addresses: tuple[str, ...]) -> None:
    assert len({len(each) for each in addresses}) == 1
    letter = notice_letter(language, "waterdam", "Gemeente Waterdam", "https://melden.waterdam.example")
    about = {"sender": "noreply@waterdam.example"}
    sizes = {
        len(compose(letter, address=address, message_id=uuid4(), at=at, **about).as_bytes())
        for address in addresses
        for at in _MOMENTS
    }
    assert len(sizes) == 1


@pytest.mark.parametrize(
    ("code", "name"),
    [
        ("waterdam", "Gemeente Waterdam"),
        ("waterdam", "Waterdam"),
        ("s-hertogenbosch", "'s-Hertogenbosch"),
        ("s-gravenhage", "gemeente ’s-Gravenhage"),
        ("sudwest-fryslan", "Súdwest-Fryslân"),
        ("bergen-l", "Gemeente Bergen (L.)"),
        ("st-anna", "St. Anna"),
        ("water_dam-2", "Waterdam 2"),
    ],
)
def test_a_name_that_spells_its_code_stands_in_a_mail(code: str, name: str) -> None:
    assert name_in_mail(code, name) == name


@pytest.mark.parametrize(
    "name",
    [
        "",
        "Gemeente",
        "Polderveen",
        "Waterdam weet wie u bent",
        "Gemeente Gemeente Waterdam",
        "Water.dam",
        "waterdam.",
        "www.waterdam",
        "water/dam",
        "water:dam",
        "water@dam",
        "Waterdam\n",
        "Waterdam\u202e",
        "W\u0430terdam",  # a Cyrillic letter
        "Waterdám".replace("á", "a\u0301"),
        "W" + " " * 60 + "aterdam",
        "Waterdam 1",
    ],
)
def test_any_other_name_stays_out_of_it(name: str) -> None:
    assert name_in_mail("waterdam", name) is None
