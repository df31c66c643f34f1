"""Forms without script: patience instead of work, and a cap that is each municipality's own."""

from typing import Any

import pytest
from common.errors import TooMuch
from gateway.domain.proof import solve
from gateway.flood import Flood, FormTooOld, FormTooQuick
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
    assert told.value.headers["Retry-After"] == "3"
    clock.now += 3
    assert flood.form_token("zandrecht", token) == token
    assert flood.admit_form("zandrecht", KEY, "", token) == 0
    clock.now += 12 * 3600
    with pytest.raises(FormTooOld):
        flood.admit_form("zandrecht", KEY, "", token)


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
