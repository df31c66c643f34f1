"""Forms without script: patience instead of work, and a cap that is each municipality's own."""

from collections.abc import Callable
from typing import Any

import pytest
from common.errors import TooMuch
from gateway.domain.proof import solve
from gateway.flood import Flood, FormTooOld, FormTooQuick, ProofNeeded
from gateway.settings import GatewaySettings

KEY = "een-sleutel-van-een-melding"


class Clock:
    """Time that a test moves."""

    now = 1_795_000_000.0

    def __call__(self) -> float:
        return self.now


def made(clock: Clock, **changes: Any) -> Flood:
    settings = GatewaySettings(
        database_web_url="unused",
        database_flow_url="unused",
        broker_url="unused",
        identity_private_key="unused",
        **{"proof_bits": 4, "form_per_second": 0.1, "form_burst": 5, **changes},
    )
    return Flood(settings, bytes(32), clock=clock)


def test_a_form_without_script_is_let_in_after_a_person_could_fill_it_in() -> None:
    clock = Clock()
    flood = made(clock)
    token = flood.form_token("zandrecht")
    with pytest.raises(FormTooQuick) as told:
        flood.admit_form("zandrecht", KEY, "", token)
    assert (told.value.code, told.value.headers["Retry-After"]) == ("form-too-quick", "3")
    clock.now += 3
    assert flood.form_token("zandrecht", token) == token
    assert flood.admit_form("zandrecht", KEY, "", token) == 0
    clock.now += 12 * 3600
    with pytest.raises(FormTooOld) as old:
        flood.admit_form("zandrecht", KEY, "", token)
    assert old.value.code == "form-too-old"


@pytest.mark.parametrize("token", ["", "onzin", "form.zandrecht.1.0.AAAA"])
def test_a_form_token_that_is_not_ours_is_replaced_and_lets_nobody_in(token: str) -> None:
    clock = Clock()
    flood = made(clock)
    assert flood.form_token("zandrecht", token) != token
    with pytest.raises(FormTooOld):
        flood.admit_form("zandrecht", KEY, "", token)
    elsewhere = flood.form_token("duinrade")
    clock.now += 10
    with pytest.raises(FormTooOld):
        flood.admit_form("zandrecht", KEY, "", elsewhere)


def test_many_forms_without_script_hold_up_neither_work_nor_another_municipality() -> None:
    clock = Clock()
    flood = made(clock)
    tokens = {place: flood.form_token(place) for place in ("zandrecht", "duinrade")}
    clock.now += 5

    def without_script(place: str) -> float:
        return flood.admit_form(place, KEY, "", tokens[place])

    assert [without_script("zandrecht") for _ in range(6)] == [0] * 6
    with pytest.raises(TooMuch) as told:
        without_script("zandrecht")
    assert int(told.value.headers["Retry-After"]) > 0
    assert without_script("duinrade") == 0
    challenge = flood.challenge("zandrecht")
    proof = f"{challenge.token}~{solve(challenge.token, KEY, challenge.bits)}"
    assert flood.admit_form("zandrecht", KEY, proof, "") == 0


def test_no_bits_ask_for_nothing() -> None:
    flood = made(Clock(), proof_bits=0)
    flood.admit("zandrecht", KEY, "")
    assert flood.admit_form("zandrecht", KEY, "", "") == 0


def refused(ask: Callable[[], float]) -> TooMuch:
    """The refusal that comes after some asking."""
    for _ in range(9):
        try:
            ask()
        except TooMuch as error:
            return error
    pytest.fail("never refused")


def test_a_proof_serves_its_key_again_but_not_without_end() -> None:
    clock = Clock()
    flood = made(clock, repeat_per_second=1, repeat_burst=3)
    challenge = flood.challenge("zandrecht")

    def sent(key: str) -> float:
        return flood.admit(
            "zandrecht", key, f"{challenge.token}~{solve(challenge.token, key, challenge.bits)}"
        )

    assert [sent(KEY) for _ in range(4)] == [0] * 4
    told = refused(lambda: sent(KEY))
    assert int(told.headers["Retry-After"]) > 0
    proof = f"{challenge.token}~{solve(challenge.token, KEY, challenge.bits)}"
    refused(lambda: flood.admit_form("zandrecht", KEY, proof, ""))
    assert sent("een-andere-sleutel-dan-de-eerste") == 0
    clock.now += 30
    assert sent(KEY) == 0


def test_looking_at_what_is_hidden_takes_the_proof_of_the_report_and_not_too_often() -> None:
    clock = Clock()
    flood = made(clock, preview_per_second=0.2, preview_burst=3)
    challenge = flood.challenge("zandrecht")
    proof = f"{challenge.token}~{solve(challenge.token, KEY, challenge.bits)}"
    with pytest.raises(ProofNeeded):
        flood.admit_preview("zandrecht", KEY, "")
    for _ in range(3):
        assert flood.admit_preview("zandrecht", KEY, proof) == 0
    told = refused(lambda: flood.admit_form_preview("zandrecht", KEY, proof, ""))
    assert int(told.headers["Retry-After"]) > 0
    flood.admit("zandrecht", KEY, proof)  # sending is still free
    clock.now += 60
    assert flood.admit_preview("zandrecht", KEY, proof) == 0


def test_without_script_looking_has_a_cap_of_its_own() -> None:
    clock = Clock()
    flood = made(clock)
    token = flood.form_token("zandrecht")
    with pytest.raises(FormTooQuick):
        flood.admit_form_preview("zandrecht", KEY, "", token)
    clock.now += 5
    refused(lambda: flood.admit_form_preview("zandrecht", KEY, "", token))
    assert flood.admit_form("zandrecht", KEY, "", token) == 0


def test_many_who_only_look_make_the_work_harder() -> None:
    flood = made(Clock(), proof_free_per_minute=5)
    first = flood.challenge("zandrecht")
    for number in range(20):
        key = f"sleutel-van-melding-{number}"
        flood.admit_preview("zandrecht", key, f"{first.token}~{solve(first.token, key, first.bits)}")
    assert flood.challenge("zandrecht").bits > first.bits
