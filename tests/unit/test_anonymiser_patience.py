"""A report that takes too long is hidden whole: nothing of it is read half, and nobody gets an error."""

import time
from collections.abc import Callable
from itertools import count, islice, product

import pytest
from intake.anonymiser import Anonymised, Patience, anonymise_fields

FIELDS = {
    "a": "Jan de Vries woont op Dorpsstraat 12, bel 06-12345678.",
    "b": "Zijn broer is Piet.",
    "c": "",
    "d": "rood",
}
WHOLE = anonymise_fields(FIELDS)
BEYOND_SECONDS = 0.5  # of one step, on a busy machine; 0.3 at most on one that is not


def spent_after(asked: int) -> Callable[[], float]:
    """A clock that stands still until it was asked so often, and is then far ahead."""
    times = count()
    return lambda: 0.0 if next(times) < asked else 60.0


def is_hidden_whole(result: Anonymised, text: str) -> bool:
    spans = [(span.start, span.end) for span in result.spans]
    return spans == [(0, len(text))] and result.text == "[OVERIG-1]" and result.is_doubtful


def test_whenever_the_time_is_spent_every_field_is_hidden_whole() -> None:
    finished = 0
    for asked in range(1, 60):
        result = anonymise_fields(FIELDS, patience=Patience(seconds=1.0, clock=spent_after(asked)))
        if result == WHOLE:
            finished += 1
            continue
        assert not finished, "more time gave less"
        assert all(is_hidden_whole(result[name], FIELDS[name]) for name in "abd")
        assert result["c"] == Anonymised("", (), is_doubtful=False)
    assert 0 < finished < 50


def test_time_that_is_not_spent_changes_nothing() -> None:
    assert anonymise_fields(FIELDS, patience=Patience(seconds=1.0, clock=lambda: 5.0)) == WHOLE


def test_what_the_reporter_marks_is_hidden_within_the_same_time() -> None:
    clock = spent_after(1)
    result = anonymise_fields({"a": "de kapper"}, ["kapper"], Patience(seconds=1.0, clock=clock))
    assert result["a"].text == "[OVERIG-1]"


@pytest.mark.parametrize("characters", [9_900, 11_000])
def test_a_report_with_too_much_in_all_its_fields_is_hidden_whole(characters: int) -> None:
    fields = dict.fromkeys("wxyz", ("Piet is er. " * 1000)[:characters])
    results = anonymise_fields(fields, patience=Patience(clock=lambda: 0.0))
    is_too_much = 4 * characters > 40_000
    for name, result in results.items():
        assert is_hidden_whole(result, fields[name]) == is_too_much
        assert "Piet" not in result.text


def _words(count: int) -> list[str]:
    """So many words that read like names, no two alike."""
    syllables = [first + last for first in "bdfgklmnprst" for last in "aeiou"]
    return ["".join(each).capitalize() for each in islice(product(syllables, repeat=3), count)]


_MARKS = ["molen"[:3] + first + last for first in "abcdefg" for last in "hijklmn"]
HOSTILE = {
    "names": "".join(f"Jan {word}, " for word in _words(4_000)),
    "initials": "".join(f"{word}, J. " for word in _words(4_000)),
    "plates": "".join(f"{number % 90 + 10}-ABC-{number % 10} " for number in range(4_000)),
    "figures": "zes twee drie " * 3_000,
    "marks": " ".join(_MARKS * 140),
    "placeholders": "[PERSOON-1] " * 1_600 + "".join(f"Jan {word}, " for word in _words(1_600)),
}


@pytest.mark.parametrize("of", HOSTILE)
def test_hardly_any_work_goes_beyond_the_patience(of: str) -> None:
    text = HOSTILE[of][:39_900]
    fields = {str(at): text[at : at + 9_900] for at in range(0, len(text), 9_900)}
    anonymise_fields({"": "Jan"})  # reads the lists
    for patience_seconds in (0.1, 0.4):
        began = time.thread_time()
        anonymise_fields(fields, _MARKS, Patience(patience_seconds))
        assert time.thread_time() - began < patience_seconds + BEYOND_SECONDS
