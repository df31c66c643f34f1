"""Proof of work: what is signed, what solves it, and how the work grows with the crowd."""

import hashlib

import pytest
from gateway.domain.proof import Crowd, NotOurs, Token, difficulty, is_solved, read_token, solve
from hypothesis import given
from hypothesis import strategies as st

from tests.support.gateway import settings_alone
from tests.support.lots import lots

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
    crowd = Crowd(most_of_network=30, lot=None)
    for second in range(120):
        crowd.note("zandrecht", f"netwerk {second % 10}", float(second))
    assert 50 < crowd.level("zandrecht", "een ander", 120) < 60
    assert crowd.level("duinrade", "netwerk 1", 120) == 0
    assert crowd.level("zandrecht", "een ander", 600) < 1


def test_one_network_moves_the_level_of_others_by_its_share_only() -> None:
    crowd = Crowd(most_of_network=30, lot=None)
    for second in range(600):
        crowd.note("zandrecht", "druk", second / 10)
    assert crowd.level("zandrecht", "druk", 60) > 300
    assert crowd.level("zandrecht", "een ander", 60) <= 31


def test_a_crowd_keeps_so_many_networks_and_forgets_the_quiet() -> None:
    crowd = Crowd(most_of_network=30, max_networks=5, lot=None)
    for number in range(9):
        crowd.note("zandrecht", f"netwerk {number}", 0)
    assert len(crowd) == 5
    crowd.note("zandrecht", "later", 600)
    assert len(crowd) == 1


@pytest.mark.parametrize("held", [45, 59.5])
def test_others_show_at_a_drawn_moment_and_hardly_with_one_report_a_minute_more(held: float) -> None:
    """The same lots with and without it, while somebody holds the crowd below what is free."""
    rang = 0
    for seed in range(60):
        shown = []
        for reported in (0, 1):
            crowd, count, level = Crowd(30, lot=lots(seed)), 0, 0.0
            while level == 0 and count < 900:
                count += 1
                for number in range(int(held * count / 60) - int(held * (count - 1) / 60)):
                    crowd.note("zandrecht", f"netwerk {(count + number) % 9}", count)
                if reported and count % 60 == 0:
                    crowd.note("zandrecht", "melder", count)
                level = crowd.level("zandrecht", "een ander", count)
                assert level == 0 or count >= 300
            shown.append(difficulty(16, 18, level, 60))
        rang += shown[0] != shown[1]
    assert rang < 60 * 0.15


def test_a_flood_from_many_networks_meets_the_ceiling_within_a_quarter_of_an_hour() -> None:
    """With the numbers of the settings: all that a pace lets in, 20 a second, from 100 networks."""
    settings = settings_alone()
    least, most, free = settings.proof_bits, settings.proof_bits_most, settings.proof_free_per_minute
    for seed in range(2):
        crowd, bits = Crowd(free / 2, lot=lots(seed)), []
        for turn in range(20 * 60 * 25):
            network = f"netwerk {turn % 100}"
            crowd.note("zandrecht", network, turn / 20)
            bits.append(difficulty(least, most, crowd.level("zandrecht", network, turn / 20), free))
        assert set(bits[15 * 60 * 20 :]) == {most}
        saved = sum(2**most - 2**each for each in bits)
        assert saved <= 15 * 60 * 20 * (2**most - 2**least)  # 3.5 billion hashes, some minutes of one machine
        assert difficulty(least, most, crowd.level("zandrecht", "nieuw", 25 * 60 + 901), free) == least


def test_one_network_pays_for_its_own_at_once() -> None:
    crowd = Crowd(most_of_network=30)
    for _ in range(121):
        crowd.note("zandrecht", "druk", 0)
    assert difficulty(16, 18, crowd.level("zandrecht", "druk", 0), 60) == 18


def test_a_clock_that_was_set_back_lets_a_crowd_be_seen_anew() -> None:
    crowd = Crowd(most_of_network=30)
    crowd.note("zandrecht", "eerst", 100_000)
    for number in range(120):
        crowd.note("zandrecht", f"netwerk {number % 9}", 1000)
    assert crowd.level("zandrecht", "een ander", 1900) > 0
