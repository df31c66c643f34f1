"""Proof of work: what is signed, what solves it, and how the work grows with the crowd."""

import hashlib

import pytest
from gateway.domain.proof import Crowd, NotOurs, Token, difficulty, is_solved, read_token, solve
from hypothesis import given
from hypothesis import strategies as st

SECRET = bytes(range(32))
TOKEN = Token("proof", "zandrecht", 1_795_000_000, 16)


def test_a_token_comes_back_as_it_was_signed() -> None:
    signed = TOKEN.signed(SECRET)
    assert read_token(signed, SECRET, purpose="proof", municipality="zandrecht") == TOKEN


@pytest.mark.parametrize(
    ("text", "purpose", "municipality"),
    [
        (TOKEN.signed(bytes(32)), "proof", "zandrecht"),
        (TOKEN.signed(SECRET), "form", "zandrecht"),
        (TOKEN.signed(SECRET), "proof", "duinrade"),
        (TOKEN.signed(SECRET).replace(".16.", ".1."), "proof", "zandrecht"),
        (TOKEN.signed(SECRET)[:-1], "proof", "zandrecht"),
        ("", "proof", "zandrecht"),
        ("proof.zandrecht.x.y.z", "proof", "zandrecht"),
        ("proof.zandrecht.1.1.é", "proof", "zandrecht"),
    ],
)
def test_another_token_is_not_ours(text: str, purpose: str, municipality: str) -> None:
    with pytest.raises(NotOurs):
        read_token(text, SECRET, purpose=purpose, municipality=municipality)


@given(st.text(max_size=200))
def test_any_other_text_is_not_ours(text: str) -> None:
    with pytest.raises(NotOurs):
        read_token(text, SECRET, purpose="proof", municipality="zandrecht")


def test_a_solution_is_what_the_document_says_and_serves_one_key() -> None:
    token = TOKEN.signed(SECRET)
    counter = solve(token, "sleutel", 10)
    digest = hashlib.blake2s(f"{token}\nsleutel\n{counter}".encode()).digest()
    assert int.from_bytes(digest, "big") < 1 << (256 - 10)
    assert is_solved(token, "sleutel", counter, 10)
    assert not all(is_solved(token, f"sleutel {number}", counter, 10) for number in range(8))


def test_the_work_doubles_with_the_crowd_and_stops_somewhere() -> None:
    levels = (0, 60, 61, 120, 121, 960, 10**9)
    assert [difficulty(16, 22, level, 60) for level in levels] == [16, 16, 17, 17, 18, 20, 22]


def test_a_crowd_is_forgotten_in_minutes_and_is_each_municipalitys_own() -> None:
    crowd = Crowd(max_keys=2)
    for second in range(120):
        crowd.note("zandrecht", float(second))
    assert 50 < crowd.level("zandrecht", 120) < 60
    assert crowd.level("duinrade", 120) == 0
    assert crowd.level("zandrecht", 600) < 1
    for key in ("a", "b", "c"):
        crowd.note(key, 600)
    assert len(crowd._levels) == 2
