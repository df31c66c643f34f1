"""What a reporter marks is hidden wherever it occurs, and nothing else is."""

import time
from collections.abc import Sequence
from itertools import count, pairwise

import pytest
from common.rooms import Account
from hypothesis import given
from hypothesis import strategies as st
from intake.anonymiser import MAX_TOGETHER, Patience, anonymise_fields
from intake.anonymiser.marked import missing
from intake.hiding import Hiding


def hidden(text: str, *hide: str) -> str:
    return anonymise_fields({"": text}, hide)[""].text


@pytest.mark.parametrize(
    ("text", "mark", "result"),
    [
        (
            "Bij de rode molen, en de rode molen weer.",
            "rode molen",
            "Bij de [OVERIG-1], en de [OVERIG-1] weer.",
        ),
        ("De RODE\n  Molen staat er.", "rode molen", "De [OVERIG-1] staat er."),
        ("Het café van de hoek.", "cafe", "Het [OVERIG-1] van de hoek."),
        ("Het cafe\u0301 van de hoek.", "café", "Het [OVERIG-1] van de hoek."),
        ("De kapperszaak is dicht.", "kapper", "De [OVERIG-1] is dicht."),
        ("De kap is de hoedenkap.", "kap", "De [OVERIG-1] is de hoedenkap."),
        ("Hij is de kapper, de enige.", ", de enige.", "Hij is de kapper, [OVERIG-1]."),
        ("Niets aan de hand.", "molen", "Niets aan de hand."),
    ],
)
def test_a_mark_is_hidden_wherever_it_stands(text: str, mark: str, result: str) -> None:
    assert hidden(text, mark) == result
    assert missing(text, [mark, "staat nergens"]) == ([1] if "OVERIG" in result else [0, 1])


def test_marks_go_between_what_was_found_already_and_keep_its_number() -> None:
    text = "Ik zag Willem Zwanenvliet, de kapper. De kapper belde 06-12345678."
    assert hidden(text, "Willem Zwanenvliet, de kapper", "de kapper") == (
        "Ik zag [PERSOON-1], [OVERIG-1]. [OVERIG-1] belde [TELEFOON-1]."
    )


def test_a_mark_in_one_field_is_hidden_in_all() -> None:
    found = anonymise_fields({"/description": "Bij de molen.", "/neighbourhood": "Molenwijk"}, ["molen"])
    assert found["/description"].text == "Bij de [OVERIG-1]."
    assert found["/neighbourhood"].text == "[OVERIG-2]"


_WORDS = st.lists(
    st.sampled_from(["molen", "Rode", "de", "café", "Jansen", "Jan", "06-12345678", "\n"]), max_size=12
)


@given(_WORDS, st.lists(st.sampled_from(["molen", "rode de", "cafe", "jansen", "xyzzy"]), max_size=3))
def test_no_mark_of_four_letters_stays_in_clear(words: list[str], marks: list[str]) -> None:
    text = " ".join(words)
    result = hidden(text, *marks)
    assert missing(result, marks) == list(range(len(marks)))
    placed = anonymise_fields({"": text}, marks)[""].spans
    assert all(one.end <= other.start for one, other in pairwise(placed))


@pytest.mark.parametrize("text", ["a" * 12_000, "ab " * 4_000, "aaab" * 3_000, "é\u0301" * 6_000])
def test_hostile_text_and_marks_take_linear_time(text: str) -> None:
    marks = [letter * length for letter in "aé" for length in range(2, 27)]
    started = time.process_time()
    missing(text, marks)
    assert time.process_time() - started < 2


def test_a_text_does_not_swell_by_characters_that_stand_for_many() -> None:
    assert missing("de fi\ufb01 en \u3391", ["fifi", "khz"]) == []
    assert missing("\ufdfa", ["\u0635\u0644\u0649"]) == [0]  # NFKD makes eighteen characters of this one


@pytest.mark.parametrize("mark", ["aa", "molen"])
def test_marks_that_differ_in_case_and_accents_only_are_sought_once(mark: str) -> None:
    def steps(*hide: str) -> int:
        asked = count()
        patience = Patience(clock=lambda: 0.0 * next(asked))
        anonymise_fields({"": "Bij de aa molen. " * 20}, hide, patience)
        missing("Bij de aa molen. " * 20, hide, patience)
        return next(asked)

    written = [mark, mark.upper(), mark.replace("a", "á"), f"{mark}\u0301", f" {mark.title()}  "]
    assert steps(*written) == steps(mark)
    assert steps(mark, "hek") > steps(mark)
    assert missing("bij de molen", [*written, "hek"]) == ([5] if mark == "molen" else [0, 1, 2, 3, 4, 5])


async def in_vain(fields: dict[str, str], *hide: str) -> Sequence[int]:
    return (await Hiding().looked(Account("zandrecht"), fields, hide)).in_vain


async def test_marks_are_not_sought_in_more_text_than_is_read() -> None:
    fields = {f"/answers/{number}": "a" * 2_000 for number in range(MAX_TOGETHER // 2_000)}
    assert await in_vain(fields, "zonder") == [0]
    fields["/description"] = "a"  # one too many: then all is hidden
    assert await in_vain(fields, "zonder") == []
    hidden_whole = anonymise_fields(fields, ["zonder"])
    assert hidden_whole["/description"].text == "[OVERIG-1]"
