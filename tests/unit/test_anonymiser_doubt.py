"""The last look: it doubts what reads like somebody's, and leaves alone what a report is full of."""

import pytest
from intake.anonymiser import anonymise, anonymise_fields


@pytest.mark.parametrize(
    "text",
    [
        "mevrouw tafel zei dat samantha alles weet",
        "Code 8473 6255 1928 stond op het briefje.",
        "Op het briefje stond 8887 221 998 en verder niets.",
        "Er stond AB12CD34EF56GH op.",
    ],
)
def test_what_stands_where_somebodys_data_stands_is_doubted(text: str) -> None:
    assert anonymise(text).is_doubtful


@pytest.mark.parametrize(
    "text",
    [
        "Het ruikt naar wiet en de ramen zijn afgeplakt.",
        "Op 12-03-2026 om 14.30 uur en op 2026-03-14 10.15 was het weer raak.",
        "Meterstand 0887 221 998, EAN 871687120000412345, zaaknummer 2026-118834.",
        "Ik belde 0800-7000 en 0900-8844, mijn meldnummer is 88471290.",
        "op zolder staan planten en er ligt een slang naar de sloot",
        "Jan de Vries woont op Dorpsstraat 12, bel 06-12345678 of mail j.vries@voorbeeld.nl.",
        "De Belastingdienst en woningcorporatie Ons Dorp weten ervan.",
    ],
)
def test_what_reports_are_full_of_is_not_doubted(text: str) -> None:
    assert not anonymise(text).is_doubtful


def test_only_the_field_with_the_doubt_is_doubted() -> None:
    result = anonymise_fields({"a": "er rijdt een bus", "b": "mevrouw tafel zei dat samantha alles weet"})
    assert (result["a"].is_doubtful, result["b"].is_doubtful) == (False, True)


def test_what_the_reporter_marks_is_doubted_no_more() -> None:
    fields = {"a": "mevrouw tafel zei dat samantha alles weet"}
    assert anonymise_fields(fields)["a"].is_doubtful
    assert not anonymise_fields(fields, ["tafel"])["a"].is_doubtful


def test_a_line_of_one_word_is_not_doubted_for_what_stands_around_it() -> None:
    assert not anonymise_fields({"a": "Het stinkt.", "b": "Hatert", "c": "Pathmos"})["b"].is_doubtful
