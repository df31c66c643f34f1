"""The judge of `make faults` must be able to say no: each fault, alone, makes a run fail by name."""

from collections import Counter
from dataclasses import replace

import pytest

from tests.faults.plan import KINDS
from tests.faults.verdict import Place, Verdict

CLEAN = Place(
    "casework", frozenset({"wijk-1", "wijk-2"}), frozenset({"wijk-3"}), Counter(["wijk-1", "wijk-2"])
)


def verdict(place: Place = CLEAN) -> Verdict:
    """A run in which everything was killed twice."""
    return Verdict(
        accepted=3,
        kills=dict.fromkeys(KINDS, 2),
        wanted_kills=2,
        places=[place],
        innocent_parked=[],
        faults=[],
    )


def test_a_run_without_faults_is_clean() -> None:
    found = verdict()
    assert found.is_clean
    assert (found.lost, found.double, found.resurrected) == (0, 0, 0)
    assert "casework" in found.table()


@pytest.mark.parametrize(
    ("found", "counts", "sentence"),
    [
        (["wijk-1"], (1, 0, 0), "1 lost in casework: wijk-2"),
        (["wijk-1", "wijk-2", "wijk-2"], (0, 1, 0), "1 double in casework: wijk-2"),
        (["wijk-1", "wijk-2", "wijk-3"], (0, 0, 1), "1 back after erasure in casework: wijk-3"),
        (["wijk-1", "wijk-2", "wijk-9", "wijk-9"], (0, 1, 0), "1 double in casework: wijk-9"),
    ],
)
def test_what_is_wrong_in_a_place_is_named(
    found: list[str], counts: tuple[int, int, int], sentence: str
) -> None:
    judged = verdict(replace(CLEAN, found=Counter(found)))
    assert (judged.lost, judged.double, judged.resurrected) == counts
    assert judged.wrong == [sentence]
    assert not judged.is_clean


def test_an_innocent_that_is_parked_fails_the_run() -> None:
    judged = replace(verdict(), innocent_parked=["casework: report-received"])
    assert judged.as_json()["innocent_parked"] == 1
    assert not judged.is_clean


def test_a_kind_that_was_killed_too_seldom_fails_the_run() -> None:
    judged = replace(verdict(), kills={**dict.fromkeys(KINDS, 2), "relay": 1})
    assert judged.wrong == ["relay was killed too seldom"]


def test_a_mail_that_came_again_without_a_dead_sender_fails_the_run() -> None:
    assert replace(verdict(), mail_repeats=1, mail_repeats_allowed=1).is_clean
    assert not replace(verdict(), mail_repeats=2, mail_repeats_allowed=1).is_clean


def test_what_fits_no_place_fails_the_run() -> None:
    assert not replace(verdict(), faults=["an erasure was not confirmed by all: wijk-3"]).is_clean
