"""The anonymiser on invented people: what it finds, what it leaves, and that it never breaks a text."""

import re
import sys
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from intake.anonymiser import MAX_CHARACTERS, anonymise, anonymise_fields

PLACEHOLDER = re.compile(r"\[[A-Z]+-\d+\]")


def test_every_structured_type_gets_its_placeholder() -> None:
    text = (
        "Zijn bsn is 123456782 en hij betaalt vanaf NL91 ABNA 0417 1643 00. Bel 06-12345678 of mail "
        "piet.puk@voorbeeld.nl. Hij rijdt in een auto met kenteken 98-VRF-3, woont op 1234 AB 12, "
        "KvK 12345678, geboren op 03-04-1981."
    )
    result = anonymise(text)
    kinds = {span.type for span in result.spans}
    assert {"BSN", "IBAN", "TELEFOON", "EMAIL", "KENTEKEN", "KVK", "GEBOORTEDATUM"} <= kinds
    for secret in ("123456782", "0417", "12345678", "piet.puk", "98-VRF-3", "03-04-1981"):
        assert secret not in result.text


@pytest.mark.parametrize(
    "text",
    [
        "Ik zag meneer Jansen met een tas naar binnen gaan.",
        "Volgens mevrouw De Vries-Bakker is het elke nacht raak.",
        "De eigenaar heet Mohammed el Idrissi en hij woont boven de zaak.",
        "Het gaat om Kees van der Wal, die ken ik van vroeger.",
    ],
)
def test_a_name_is_found_with_its_title_and_prefix(text: str) -> None:
    result = anonymise(text)
    assert [span.type for span in result.spans] == ["PERSOON"]
    for secret in ("Jansen", "Vries", "Bakker", "Mohammed", "Idrissi", "Kees", "Wal"):
        assert secret not in result.text


@pytest.mark.parametrize(
    "text",
    [
        "Het ruikt naar wiet en de ramen zijn afgeplakt.",
        "Bel 112 of Meld Misdaad Anoniem via 0800-7000.",
        "Er stonden 14 auto's en er is 2.500 euro gevraagd.",
        "Sinds januari 2026 is het elke maandag onrustig in de Dorpsstraat.",
        "De Politie en de Gemeente weten ervan, de Belastingdienst niet.",
    ],
)
def test_what_happened_stays_readable(text: str) -> None:
    assert anonymise(text).text == text


def test_the_same_value_has_the_same_placeholder_through_all_fields() -> None:
    fields = {"a": "Bel 06-12345678.", "b": "Zijn nummer is 0612345678, of 06-87654321."}
    result = anonymise_fields(fields)
    assert result["a"].text == "Bel [TELEFOON-1]."
    assert "[TELEFOON-1]" in result["b"].text
    assert "[TELEFOON-2]" in result["b"].text


def test_a_text_that_still_looks_like_somebodys_data_is_doubtful() -> None:
    assert anonymise("Code 8473 6255 1928 stond op het briefje.").is_doubtful
    assert not anonymise("Het ruikt naar wiet.").is_doubtful


def test_a_text_is_refused_rather_than_cut() -> None:
    with pytest.raises(ValueError, match="12000"):
        anonymise("a" * (MAX_CHARACTERS + 1))


@settings(deadline=None)
@given(st.text(max_size=400))
def test_any_text_keeps_everything_outside_its_spans(text: str) -> None:
    result = anonymise(text)
    pieces, at = [], 0
    for span in result.spans:
        assert at <= span.start < span.end <= len(text)
        pieces += [text[at : span.start], span.placeholder]
        at = span.end
    assert "".join([*pieces, text[at:]]) == result.text


@settings(deadline=None)
@given(st.dictionaries(st.sampled_from("abc"), st.text(max_size=200), max_size=3))
def test_putting_the_originals_back_gives_every_field_as_it_was(fields: dict[str, str]) -> None:
    for name, result in anonymise_fields(fields).items():
        restored, at = result.text, 0
        for span in result.spans:
            at = restored.index(span.placeholder, at)
            original = fields[name][span.start : span.end]
            restored = restored[:at] + original + restored[at + len(span.placeholder) :]
            at += len(original)
        assert restored == fields[name]


PIECES = st.sampled_from(
    [
        "06",
        "+31",
        "(0)",
        "12",
        "-AB-",
        "NL91",
        "@",
        ".",
        "van der ",
        "Jan ",
        "straat ",
        "nr ",
        "bsn ",
        "kenteken ",
        "geb. ",
    ]
)


@settings(deadline=None)
@given(st.lists(st.one_of(PIECES, st.text(max_size=4)), max_size=40).map("".join))
def test_broken_pieces_of_data_break_no_recogniser(text: str) -> None:
    result = anonymise(text)
    ends = [0, *(span.end for span in result.spans)]
    assert all(end <= span.start < span.end for end, span in zip(ends, result.spans, strict=False))


def test_a_placeholder_that_the_reporter_typed_is_given_to_nobody_else() -> None:
    result = anonymise("Er stond [TELEFOON-1] op, maar bel 06-12345678.")
    assert [span.placeholder for span in result.spans] == ["[TELEFOON-2]"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Jan de Vries woont hier. Dhr. De Vries dealt. Jan is gevaarlijk.", "111"),
        ("Betrokkene: Kaptein, Jan, geb. 05-05-1956. Bewoner J. Kaptein.", "11"),
        ("Jan de Vries en Els Bakker. Els zei dat De Vries betaalt.", "1221"),
        ("Jan de Vries en Piet de Vries. Dhr. De Vries was weg.", "123"),
        ("K. Lopes da Silva belde. Dhr. Lopes da Silva was boos.", "11"),
        ("Mw. Groenewold-Bos is weg. Mevrouw Groenewold betaalt niet.", "11"),
        ("Ik zag Sjef. Volgens Sjefke is het niets.", "11"),
        ("Ik zag J. Bakker. Later zei Jeroen dat hij wegging.", "11"),
        ("Ik zag J. Bakker en J. Visser. Later zei Jeroen dat hij wegging.", "123"),
    ],
)
def test_one_person_has_one_placeholder_and_two_have_two(text: str, expected: str) -> None:
    people = [span.placeholder for span in anonymise(text).spans if span.type == "PERSOON"]
    numbers = {placeholder: str(n) for n, placeholder in enumerate(dict.fromkeys(people), start=1)}
    assert "".join(numbers[placeholder] for placeholder in people) == expected


def test_a_name_found_in_one_field_is_found_in_the_other() -> None:
    result = anonymise_fields({"a": "De huurder heet Tjaard Wobkema.", "b": "wobkema was er weer"})
    assert "obkema" not in result["a"].text + result["b"].text


NAMES = st.sampled_from(["meneer Jansen", "mevrouw El Amrani", "dhr. Van Dijk"])
NUMBERS = st.sampled_from(["06-12345678", "NL91ABNA0417164300", "98-VRF-3", "a.b@voorbeeld.nl"])


@settings(deadline=None)
@given(st.lists(st.one_of(NAMES, NUMBERS), min_size=1, max_size=8))
def test_anonymised_text_holds_nothing_more_to_find(values: list[str]) -> None:
    once = anonymise("Ik zag " + " en toen ".join(values) + ".")
    assert not [value for value in values if value in once.text]
    assert [span for span in anonymise(once.text).spans if "[" not in once.text[span.start : span.end]] == []


@pytest.mark.parametrize(
    "unit", ["a", "0 ", "van der ", "A.", "1-", "@a.", "NL00", "+31 6", "Jan ", "é\u0301", "[", "\n "]
)
def test_hostile_repetition_costs_no_more_than_its_length(unit: str) -> None:
    short, long = unit * (2_500 // len(unit)), unit * (10_000 // len(unit))
    anonymise(short)

    def seconds(text: str) -> float:
        started = time.process_time()
        anonymise(text)
        return time.process_time() - started

    assert min(seconds(long) for _ in range(3)) < 0.5 + 16 * min(seconds(short) for _ in range(3))


@pytest.mark.parametrize(
    "unit", ["1 ", "A.", "J.K. de ", "12-AB-34 ", "Jan de Vries, ", "alias X ", "NL12 ", "a@", "nr 1 "]
)
def test_twice_the_text_takes_twice_the_steps(unit: str) -> None:
    def steps(text: str) -> int:
        counted = 0

        def count(*_event: object) -> None:
            nonlocal counted
            counted += 1

        sys.setprofile(count)
        try:
            anonymise(text)
        finally:
            sys.setprofile(None)
        return counted

    anonymise(unit)
    assert steps(unit * (8_000 // len(unit))) < 2.4 * steps(unit * (4_000 // len(unit))) + 2_000
