"""A report that takes too long is hidden whole: nothing of it is read half, and nobody gets an error."""

from collections.abc import Callable
from itertools import count

import pytest
from intake.anonymiser import Anonymised, Patience, anonymise_fields

FIELDS = {
    "a": "Jan de Vries woont op Dorpsstraat 12, bel 06-12345678.",
    "b": "Zijn broer is Piet.",
    "c": "",
    "d": "rood",
}
WHOLE = anonymise_fields(FIELDS)


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
