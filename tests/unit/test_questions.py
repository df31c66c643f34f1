"""What is sealed of a question to its reporter is what colleagues read, or both refuse it."""

import pytest
from common.questions import committed, question_of
from common.vouching import NotVouched

QUESTION = "Welke kleur had de bus?\nEn hoe laat?"


def test_a_question_comes_back_from_what_was_sealed_of_it() -> None:
    said, digest = committed(QUESTION)
    assert question_of(said, digest) == QUESTION


def test_a_digest_does_not_tell_which_question_it_is() -> None:
    assert committed(QUESTION)[1] != committed(QUESTION)[1]


@pytest.mark.parametrize("told", ["Wat is uw naam?", QUESTION, "", "\n" + QUESTION])
def test_what_the_digest_is_not_of_is_refused(told: str) -> None:
    salt, _, _ = committed(QUESTION)[0].partition("\n")
    for said in (told, f"{salt}\n{told}"):
        with pytest.raises(NotVouched):
            question_of(said, committed(QUESTION)[1])


def test_what_was_asked_before_questions_had_a_digest_is_as_it_was() -> None:
    assert question_of(QUESTION, "") == QUESTION
