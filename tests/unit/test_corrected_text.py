"""What a corrected text may hold, told quickly whatever a reporter wrote between brackets."""

import time
from collections import Counter

import pytest
from casework.domain.texts import correction_faults

CLASSES = frozenset({"PERSOON"})


@pytest.mark.parametrize(
    ("text", "is_right"),
    [
        ("Bel [PERSOON-1].", True),
        ("Eerst [sic], dan [ ] en [P.S.].", True),
        ("Bel [PERSOON].", False),
        ("Bel [PERSOON-].", False),
        ("Bel [PERSOON1].", False),
        ("Bel [PERSOON-01].", False),
        ("Bel [NAAM_2-1].", False),
    ],
)
def test_between_brackets_only_placeholders_stand_in_capitals(text: str, is_right: bool) -> None:
    found = [each.code for each in correction_faults(None, text, Counter(), CLASSES)]
    assert found == ([] if is_right else ["unknown-placeholder"])


def test_a_bracket_that_never_closes_takes_no_time() -> None:
    text = "[A" + "0" * 19_998
    started = time.process_time()
    assert correction_faults(text, text, Counter({("miss", "PERSOON"): 1}), CLASSES) == []
    assert time.process_time() - started < 1
