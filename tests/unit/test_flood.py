"""Forms without script: patience instead of work, and a cap that is each municipality's own."""

import asyncio
import contextlib
from collections.abc import Iterable
from typing import Any

import pytest
from common.errors import TooMuch, Unavailable
from gateway.domain.glimpses import Lot, by_lot
from gateway.domain.proof import solve
from gateway.flood import Admission, Asked, Flood, FormTooOld, FormTooQuick, ProofNeeded

from tests.support.gateway import settings_alone

KEY = "een-sleutel-van-een-melding"
HERE, THERE = "203.0.113.7", "198.51.100.7"
LONG = 38_000  # characters


class Clock:
    """Time that a test moves."""

    now = 1_795_000_000.0

    def __call__(self) -> float:
        return self.now


def made(clock: Clock, lot: Lot = None, **changes: Any) -> Flood:
    usual = {"proof_bits": 4, "form_per_second": 0.1, "form_burst": 5}
    patience = {"form_patience_seconds": 0, "rate_patience_seconds": 0}
    return Flood(settings_alone(**{**usual, **patience, **changes}), bytes(32), clock=clock, lot=lot)


def by_form(flood: Flood, key: str = KEY, place: str = "zandrecht", address: str = HERE) -> Asked:
    """A form without script, opened now."""
    return Asked(place, address, key, form_token=flood.form_token(place, key))


def by_proof(flood: Flood, key: str = KEY, address: str = HERE, place: str = "zandrecht") -> Asked:
    """A report with a proof of its own, worked for now."""
    challenge = flood.challenge(place, address)
    counter = solve(challenge.token, key, challenge.bits)
    return Asked(place, address, key, f"{challenge.token}~{counter}")


def gone(admission: Admission, status: int = 201, characters: int = 100, marks: int = 0) -> None:
    """Let it in and have intake answer so; raises `TooMuch`."""
    asyncio.run(admission.enter(characters, marks))
    with admission:
        admission.ends(status)


def how_many(admissions: list[Admission], **gone_as: int) -> int:
    """How many of these get in."""
    count = 0
    for each in admissions:
        try:
            gone(each, **gone_as)
        except TooMuch as error:
            assert int(error.headers["Retry-After"]) > 0  # noqa: PT017 -- the others got in
        else:
            count += 1
    return count


def test_a_form_without_script_is_let_in_after_a_person_could_fill_it_in() -> None:
    clock = Clock()
    flood = made(clock)
    form = by_form(flood)
    with pytest.raises(FormTooQuick) as told:
        flood.admit_form(form)
    assert (told.value.code, told.value.headers["Retry-After"]) == ("form-too-quick", "3")
    clock.now += 3
    assert flood.form_token("zandrecht", KEY, form.form_token) == form.form_token
    gone(flood.admit_form(form))
    clock.now += 12 * 3600
    with pytest.raises(FormTooOld) as old:
        flood.admit_form(form)
    assert old.value.code == "form-too-old"


@pytest.mark.parametrize("token", ["", "onzin", "form.zandrecht.1.0.x.AAAA"])
def test_a_form_token_that_is_not_ours_is_replaced_and_lets_nobody_in(token: str) -> None:
    clock = Clock()
    flood = made(clock)
    assert flood.form_token("zandrecht", KEY, token) != token
    with pytest.raises(FormTooOld):
        flood.admit_form(Asked("zandrecht", HERE, KEY, form_token=token))
    elsewhere = flood.form_token("duinrade", KEY)
    clock.now += 10
    with pytest.raises(FormTooOld):
        flood.admit_form(Asked("zandrecht", HERE, KEY, form_token=elsewhere))


def test_a_form_token_is_of_one_report_at_every_replica() -> None:
    clock = Clock()
    flood, replica = made(clock), made(clock)
    form = by_form(flood)
    clock.now += 10
    gone(replica.admit_form(form))
    gone(flood.admit_form(form))  # again: intake knows the key, and answers as it did
    other = Asked("zandrecht", HERE, "een-andere-sleutel", form_token=form.form_token)
    for each in (flood, replica):
        with pytest.raises(FormTooOld):
            each.admit_form(other)
        assert each.form_token("zandrecht", other.key, form.form_token) != form.form_token


def test_many_forms_without_script_hold_up_neither_work_nor_another_municipality_nor_network() -> None:
    clock = Clock()
    flood = made(clock, form_burst=8)
    forms = [by_form(flood, f"sleutel-{number}") for number in range(9)]
    elsewhere, neighbour = by_form(flood, place="duinrade"), by_form(flood, address=THERE)
    clock.now += 5
    assert how_many([flood.admit_form(each) for each in forms]) == 4
    assert how_many([flood.admit_form(elsewhere), flood.admit_form(neighbour)]) == 2
    assert how_many([flood.admit_form(by_proof(flood))]) == 1
    clock.now += 600
    assert how_many([flood.admit_form(forms[-1])]) == 1  # its turn was not lost


@pytest.mark.parametrize(("how", "count"), [(ConnectionResetError(), 3), (Unavailable("away"), 9)])
def test_who_hangs_up_has_used_their_turn_and_who_reached_nobody_has_not(how: Exception, count: int) -> None:
    flood = made(Clock(), text_burst=5)

    async def ends(asked: Asked) -> bool:
        admission = flood.admit_preview(asked)
        try:
            await admission.enter(100)
        except TooMuch:
            return False
        with contextlib.suppress(type(how)), admission:
            raise how
        return True

    reports = [by_proof(flood, f"sleutel-{number}") for number in range(9)]
    assert sum(asyncio.run(ends(each)) for each in reports) == count


def test_no_bits_ask_for_nothing() -> None:
    flood = made(Clock(), proof_bits=0)
    gone(flood.admit(Asked("zandrecht", HERE, KEY)))
    gone(flood.admit_form(Asked("zandrecht", HERE, KEY)))


def test_a_proof_serves_its_key_again_but_not_without_end() -> None:
    clock = Clock()
    flood = made(clock, repeat_per_second=1, repeat_burst=3)
    report = by_proof(flood)
    assert how_many([flood.admit(report) for _ in range(9)]) == 4
    assert how_many([flood.admit_form(report)]) == 0
    assert how_many([flood.admit(by_proof(flood, "een-andere-sleutel-dan-de-eerste"))]) == 1
    clock.now += 30
    assert how_many([flood.admit(report)]) == 1


def test_a_challenge_serves_the_key_that_it_was_first_solved_for() -> None:
    flood = made(Clock())
    challenge = flood.challenge("zandrecht", HERE)

    def solved(key: str) -> Asked:
        counter = solve(challenge.token, key, challenge.bits)
        return Asked("zandrecht", HERE, key, f"{challenge.token}~{counter}")

    gone(flood.admit(solved(KEY)), status=400)
    with pytest.raises(ProofNeeded) as told:
        flood.admit_preview(solved("een-andere-sleutel"))
    assert [each.code for each in told.value.errors] == ["used"]
    gone(flood.admit_preview(solved(KEY)), status=200)
    assert flood.challenge("zandrecht", HERE).token != challenge.token


def test_looking_at_what_is_hidden_takes_the_proof_of_the_report_and_not_too_often() -> None:
    clock = Clock()
    flood = made(clock, preview_per_second=0.2, preview_burst=3)
    report = by_proof(flood)
    with pytest.raises(ProofNeeded):
        flood.admit_preview(Asked("zandrecht", HERE, KEY))
    assert how_many([flood.admit_preview(report) for _ in range(3)], status=200) == 3
    assert how_many([flood.admit_form_preview(report) for _ in range(3)], status=200) == 1
    gone(flood.admit(report))  # sending is still free
    clock.now += 60
    assert how_many([flood.admit_preview(report)], status=200) == 1


def test_a_long_look_counts_as_many_short_ones() -> None:
    clock = Clock()
    flood = made(clock, text_burst=80, text_per_second=2)
    report = by_proof(flood)
    assert how_many([flood.admit_preview(report) for _ in range(3)], status=200, characters=LONG) == 1
    clock.now += 20
    assert how_many([flood.admit_preview(report)], status=200) == 0
    clock.now += 20
    assert how_many([flood.admit_preview(report)], status=200) == 1
    clock.now += 600
    others = [by_proof(flood, f"sleutel-{number}") for number in range(9)]
    assert how_many([flood.admit_preview(each) for each in others], status=200, characters=LONG) == 2
    clock.now += 600
    assert how_many([flood.admit_preview(each) for each in others], status=200) == 9


def test_marks_make_a_look_dearer_as_they_make_it_longer() -> None:
    clock = Clock()
    flood = made(clock, text_burst=120, preview_burst=200)
    others = [by_proof(flood, f"sleutel-{number}") for number in range(9)]
    for marks, served in ((0, 3), (25, 2), (50, 1), (50_000, 1)):
        looks = [flood.admit_preview(each) for each in others]
        assert how_many(looks, status=200, characters=LONG, marks=marks) == served
        clock.now += 120
    assert how_many([flood.admit_preview(each) for each in others], status=200, marks=50) == 9


def test_what_intake_would_never_read_uses_up_nobodys_share() -> None:
    flood = made(Clock())
    gone(flood.admit(by_proof(flood)), status=400, characters=1_000_000, marks=100_000)
    assert how_many([flood.admit(by_proof(flood, f"van-{n}", THERE)) for n in range(9)]) == 9


@pytest.mark.parametrize("with_script", [True, False])
def test_a_network_has_one_pace_of_text_wherever_it_reports(with_script: bool) -> None:
    clock = Clock()
    flood = made(clock, text_burst=8, text_per_second=0.1, form_burst=8)

    def served(address: str, places: Iterable[str]) -> int:
        asked = [
            by_proof(flood, place, address, place) if with_script else by_form(flood, place, place, address)
            for place in places
        ]
        clock.now += 0 if with_script else 5
        return how_many([flood.admit_form(each) for each in asked])

    towns = [f"gemeente-{number}" for number in range(20)]
    assert served(HERE, towns) == 5
    assert served(THERE, towns[:4]) == 4
    clock.now += 600
    assert served(HERE, towns) == 5


def test_without_script_looking_has_a_cap_of_its_own() -> None:
    clock = Clock()
    flood = made(clock)
    form = by_form(flood)
    with pytest.raises(FormTooQuick):
        flood.admit_form_preview(form)
    clock.now += 5
    assert how_many([flood.admit_form_preview(form) for _ in range(9)], status=200) == 3
    assert how_many([flood.admit_form(form)]) == 1


@pytest.mark.parametrize("is_look", [True, False])
def test_only_what_was_accepted_makes_the_work_harder(is_look: bool) -> None:
    flood = made(Clock(), proof_free_per_minute=5, text_burst=2000)
    admit = flood.admit_preview if is_look else flood.admit

    def bits(address: str = HERE) -> int:
        return flood.challenge("zandrecht", address).bits

    reports = [by_proof(flood, f"sleutel-van-melding-{number}") for number in range(20)]
    assert how_many([admit(each) for each in reports], status=400) == 20
    assert bits(THERE) == 4
    for _ in range(9):  # one report, again and again
        gone(admit(reports[0]))
    assert bits(THERE) == 4
    assert how_many([admit(each) for each in reports[1:]]) == 19
    assert bits() > 4
    assert bits(THERE) == 4  # a network moves its own price
    for place in range(8):
        many = [by_proof(flood, f"{place}-{number}", f"192.0.{place}.1") for number in range(20)]
        how_many([admit(each) for each in many])
    assert bits(THERE) == 7  # and all together that of everybody, up to the ceiling
    assert made(Clock(), proof_free_per_minute=5).challenge("zandrecht").bits == 4


def test_challenges_that_are_laid_in_are_as_dear_as_reports() -> None:
    clock = Clock()
    flood = made(clock, proof_free_per_minute=5)
    laid_in = [flood.challenge("zandrecht", HERE).bits for _ in range(30)]
    assert (laid_in[4], laid_in[10], laid_in[-1]) == (4, 5, 7)
    assert flood.challenge("zandrecht", THERE).bits == flood.challenge("veldstad", HERE).bits == 4
    clock.now += 600
    assert flood.challenge("zandrecht", HERE).bits == 4


def test_a_wide_network_of_ipv6_is_one() -> None:
    flood = made(Clock(), text_burst=8)
    reports = [by_proof(flood, f"sleutel-{number}", f"2001:db8:7:{number}00::1") for number in range(9)]
    assert how_many([flood.admit(each) for each in reports]) == 4
    assert how_many([flood.admit(by_proof(flood, KEY, "2001:db8:8::1"))]) == 1


def test_who_holds_the_price_just_below_a_step_does_not_hear_when_somebody_reports() -> None:
    """As the bell was rung: eight networks keep 59 a minute accepted, and look at the bits each second."""
    clock = Clock()
    flood = made(clock, by_lot, proof_free_per_minute=60, text_burst=2000)
    for number in range(59):
        gone(flood.admit_preview(by_proof(flood, f"kijker-{number}", f"192.0.{number % 8}.1")), status=200)
    for second in range(40):
        clock.now += 1
        gone(flood.admit_preview(by_proof(flood, f"later-{second}", f"192.0.{second % 8}.1")), status=200)
        gone(flood.admit_form(by_proof(flood, f"melder-{second}", f"198.51.{second}.1")))
        gone(flood.admit_preview(by_proof(flood, f"melder-{second}", f"198.51.{second}.1")), status=200)
        assert flood.challenge("zandrecht", "203.0.113.7").bits == 4
