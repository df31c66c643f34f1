"""What must hold for any text: nothing breaks, nothing is lost, and what was found stands nowhere again."""

from collections.abc import Callable, Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from intake.anonymiser import anonymise, anonymise_fields
from intake.anonymiser.patience import Patience
from intake.anonymiser.reading import Reading
from intake.anonymiser.structured import _RECOGNISERS, find_structured  # each recogniser by itself

Recogniser = Callable[[Reading], Iterator[tuple[int, int, str]]]
#: Signs that recognisers look for, characters that change length in lower case, digits of other scripts.
PIECES = st.sampled_from(
    ["06", "+31", "(0)", "12", "-AB-", "NL91", "@", ".", " ", "\n", "::", "fe80:", "1234 AB", " nr ", "geb. ",
     "bsn ", "kenteken ", "paspoort ", "kvk ", "straat", " 12", "'s ", "İ", "ß", "é\u0301", "٣٤٥", "\u200b",
     "_", "jan ", "Van der ", "alias ", "https://", "t.me/", "nul een twee ", "1-1-1990 ", "10.0.0.1",
     "\ud800"]
)  # fmt: skip
BROKEN = st.lists(st.one_of(PIECES, st.text(max_size=3)), max_size=40).map("".join)

CONSONANTS = "BDFGHJKLNPRSTVXZ"
VALUES = st.one_of(
    st.from_regex(r"06-[1-9][0-9]{7}", fullmatch=True),
    st.from_regex(r"\+31 6 [1-9][0-9]{7}", fullmatch=True),
    st.from_regex(r"[a-z]{4,8}\.[a-z]{4,8}@voorbeeld\.nl", fullmatch=True),
    st.from_regex(rf"[{CONSONANTS}]{{2}}-[0-9]{{3}}-[{CONSONANTS}]", fullmatch=True),
    st.from_regex(r"NL[0-9]{2} INGB 0[0-9]{3} [0-9]{4} [0-9]{2}", fullmatch=True),
    st.from_regex(r"@[a-z]{4,9}_[0-9]{2,4}", fullmatch=True),
)
CUED = st.from_regex(r"[1-9][0-9]{8}", fullmatch=True)


@pytest.mark.parametrize("find", _RECOGNISERS, ids=[find.__name__ for find in _RECOGNISERS])
@settings(deadline=None)
@given(text=BROKEN)
def test_a_recogniser_takes_any_text_and_stays_inside_it(find: Recogniser, text: str) -> None:
    for start, end, kind in find(Reading(text)):
        assert 0 <= start < end <= len(text)
        assert kind.isupper()


@settings(deadline=None)
@given(BROKEN)
def test_spans_are_in_order_and_do_not_overlap(text: str) -> None:
    spans = find_structured(Reading(text), Patience())
    ends = [0, *(span.end for span in spans)]
    assert all(end <= span.start for end, span in zip(ends, spans, strict=False))


@settings(deadline=None)
@given(st.dictionaries(st.sampled_from("abcd"), BROKEN, max_size=4))
def test_putting_the_originals_back_gives_every_field_as_it_was(fields: dict[str, str]) -> None:
    for name, result in anonymise_fields(fields).items():
        pieces, at, read = [], 0, 0
        for span in result.spans:
            kept = span.start - at
            pieces += [result.text[read : read + kept], fields[name][span.start : span.end]]
            assert result.text[read + kept :].startswith(span.placeholder)
            read += kept + len(span.placeholder)
            at = span.end
        assert "".join([*pieces, result.text[read:]]) == fields[name]


@settings(deadline=None)
@given(st.lists(VALUES, min_size=1, max_size=6), st.integers(min_value=0, max_value=5))
def test_no_original_stands_in_the_anonymised_text(values: list[str], again: int) -> None:
    text = "Ik zag " + " en toen ".join(values) + f". Daarna weer {values[again % len(values)]}."
    result = anonymise(text)
    assert not [value for value in values if value in result.text]
    assert not [span for span in result.spans if text[span.start : span.end] in result.text]


@settings(deadline=None)
@given(CUED)
def test_a_number_that_a_word_gave_away_is_hidden_where_it_stands_alone(number: str) -> None:
    result = anonymise(f"Zijn bsn is {number}, zei hij. Op het briefje stond {number} en verder niets.")
    assert number not in result.text
    assert result.text.count("[BSN-1]") == 2


@settings(deadline=None)
@given(BROKEN)
def test_the_same_text_always_gives_the_same(text: str) -> None:
    assert anonymise(text) == anonymise(text)
