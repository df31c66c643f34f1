"""The gateway's decisions: routes, paces and attempts."""

import contextlib

import pytest
from gateway.domain.pace import Attempts, Pace, TooFast, address_block
from gateway.domain.routes import ROUTES, RouteTable


def test_every_route_names_roles_that_exist() -> None:
    from common.contracts.codes import Role  # noqa: PLC0415

    known = {role.value for role in Role}
    assert all(route.roles is None or route.roles <= known for route in ROUTES)


def test_only_reporting_a_signal_and_the_mailbox_are_open_to_anyone() -> None:
    assert {(route.method, route.pattern) for route in ROUTES if route.roles is None} == {
        ("POST", "/api/v1/reports"),
        ("POST", "/api/v1/anonymisations"),
        ("POST", "/api/v1/attachments"),
        ("GET", "/api/v1/signal-types"),
        ("GET", "/api/v1/signal-types/{rest:path}"),
        ("POST", "/api/v1/mailboxes/_search"),
        ("POST", "/api/v1/mailboxes/_reply"),
    }


@pytest.mark.parametrize("path", ["/api/v1/reports/a/..", "/api/v1/reports/./a", "/api/v1/reports/a b", "/"])
def test_a_path_that_could_be_read_otherwise_matches_nothing(path: str) -> None:
    assert not RouteTable().methods_of(path)


def test_a_pace_lets_a_burst_pass_then_slows_down_then_refuses() -> None:
    pace = Pace(per_second=10, burst=5, patience_seconds=0.5)
    delays = [pace.delay_seconds("a", 0.0) for _ in range(11)]
    assert delays[:6] == [0.0] * 6
    assert delays[6:] == pytest.approx([0.1, 0.2, 0.3, 0.4, 0.5])
    with pytest.raises(TooFast):
        pace.delay_seconds("a", 0.0)
    assert pace.delay_seconds("b", 0.0) == 0.0
    assert pace.delay_seconds("a", 2.0) == 0.0


def test_a_pace_forgets_a_full_bucket_and_never_grows_past_its_bound() -> None:
    pace = Pace(per_second=10, burst=5, patience_seconds=0.5, max_keys=3)
    for number in range(10):
        pace.delay_seconds(number, 0.0)
    assert len(pace) == 3
    pace.sweep(10.0)
    assert len(pace) == 0


def test_attempts_at_once_are_not_all_the_first() -> None:
    attempts = Attempts()
    assert [attempts.begin(b"x", b"here", 0.0) for _ in range(5)] == [0.0, 0.0, 0.0, 1.0, 3.0]
    with pytest.raises(TooFast):
        attempts.begin(b"x", b"here", 0.0)
    assert attempts.begin(b"y", b"here", 0.0) == 0.0
    assert attempts.begin(b"x", b"here", 1000.0) == 0.0


def test_a_right_password_starts_anew() -> None:
    attempts = Attempts()
    for _ in range(4):
        attempts.begin(b"x", b"here", 0.0)
    attempts.succeed(b"x", b"here")
    assert attempts.begin(b"x", b"here", 0.0) == 0.0


def test_guessing_from_elsewhere_does_not_keep_a_person_out() -> None:
    attempts = Attempts()
    for _ in range(5):
        attempts.begin(b"x", b"elsewhere", 0.0)
    with pytest.raises(TooFast):
        attempts.begin(b"x", b"elsewhere", 0.0)
    assert attempts.begin(b"x", b"here", 0.0) == 0.0


def test_guessing_one_login_from_everywhere_is_refused_in_the_end() -> None:
    attempts = Attempts(free_overall=10_000)
    for number in range(203):
        attempts.begin(b"x", str(number).encode(), 0.0)
    with pytest.raises(TooFast):
        attempts.begin(b"x", b"here", 0.0)
    assert attempts.begin(b"y", b"here", 0.0) == 0.0
    assert attempts.begin(b"x", b"here", 600.0) == 0.0


def test_guesses_from_everywhere_leave_a_known_browser_its_lane() -> None:
    attempts = Attempts(free_overall=10_000)
    for number in range(300):
        with contextlib.suppress(TooFast):
            attempts.begin(b"x", str(number).encode(), 0.0)
    assert [attempts.begin_in_lane(b"mine", 0.0) for _ in range(5)] == [0.0, 0.0, 0.0, 1.0, 3.0]
    with pytest.raises(TooFast):  # as strict as any
        attempts.begin_in_lane(b"mine", 0.0)
    assert attempts.begin_in_lane(b"another", 0.0) == 0.0
    assert attempts.begin_in_lane(b"mine", 15.0) == 0.0
    attempts.succeed_in_lane(b"mine")
    assert attempts.begin_in_lane(b"mine", 15.0) == 0.0


def test_lanes_are_bounded() -> None:
    attempts = Attempts(max_logins=10)
    for number in range(50):
        attempts.begin_in_lane(str(number).encode(), 0.0)
    assert len(attempts._by_lane) == 10


def test_guessing_many_logins_from_one_network_is_refused_and_spares_others() -> None:
    attempts = Attempts(free_overall=10_000)
    for number in range(63):
        attempts.begin(str(number).encode(), b"there", 0.0)
    with pytest.raises(TooFast):
        attempts.begin(b"1", b"there", 0.0)
    assert attempts.begin(b"1", b"here", 0.0) == 0.0


def test_who_hammers_at_one_login_does_not_keep_their_office_out() -> None:
    attempts = Attempts()
    for _ in range(500):
        with contextlib.suppress(TooFast):
            attempts.begin(b"x", b"office", 0.0)
    assert attempts.begin(b"y", b"office", 0.0) == 0.0


def test_an_office_may_sign_in_all_at_once() -> None:
    attempts = Attempts()
    for number in range(300):
        login = str(number).encode()
        assert attempts.begin(login, b"office", 0.0) == 0.0
        attempts.succeed(login, b"office")


def test_many_logins_at_once_slow_everyone_a_little() -> None:
    attempts = Attempts(max_logins=100)
    waits = [attempts.begin(str(number).encode(), str(number).encode(), 0.0) for number in range(300)]
    assert waits[0] == 0.0
    assert waits[-1] == 2.0
    assert attempts.begin(b"later", b"here", 600.0) == 0.0


@pytest.mark.parametrize(
    ("address", "block"),
    [
        ("192.0.2.77", "192.0.2.0/24"),
        ("::ffff:192.0.2.77", "192.0.2.0/24"),
        ("2001:db8:1:2ff:3::4", "2001:db8:1:200::/56"),
        ("testclient", "unknown"),
        ("192.0.2.77\0", "unknown"),
    ],
)
def test_an_address_is_seen_as_its_network_only(address: str, block: str) -> None:
    assert address_block(address) == block
