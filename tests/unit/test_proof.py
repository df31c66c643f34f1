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
    crowd = Crowd(most_of_network=30)
    for second in range(120):
        crowd.note("zandrecht", f"netwerk {second % 10}", float(second))
    assert 50 < crowd.level("zandrecht", "een ander", 120) < 60
    assert crowd.level("duinrade", "netwerk 1", 120) == 0
    assert crowd.level("zandrecht", "een ander", 600) < 1


def test_one_network_moves_the_level_of_others_by_its_share_only() -> None:
    crowd = Crowd(most_of_network=30)
    for second in range(600):
        crowd.note("zandrecht", "druk", second / 10)
    assert crowd.level("zandrecht", "druk", 60) > 300
    assert crowd.level("zandrecht", "een ander", 60) <= 31


def test_a_crowd_keeps_so_many_networks_and_forgets_the_quiet() -> None:
    crowd = Crowd(most_of_network=30, max_networks=5)
    for number in range(9):
        crowd.note("zandrecht", f"netwerk {number}", 0)
    assert len(crowd) == 5
    crowd.note("zandrecht", "later", 600)
    assert len(crowd) == 1
