"""What is kept of an address: its network, in memory, and no longer than it is busy."""

from gateway.domain.pace import Pace, address_block


def test_a_network_is_forgotten_soon_after_its_last_request() -> None:
    pace = Pace(per_second=2, burst=10, patience_seconds=1)
    for place in range(9):
        pace.delay_seconds(("zandrecht", address_block(f"203.0.113.{place}")), now=1000.0)
        pace.delay_seconds(("zandrecht", address_block(f"198.51.{place}.7")), now=1000.0)
    assert len(pace) == 10
    pace.delay_seconds(("duinrade", address_block("192.0.2.1")), now=1011.0)
    assert len(pace) == 1


def test_no_address_is_a_key() -> None:
    assert address_block("203.0.113.77") == "203.0.113.0/24"
    assert address_block("2001:db8:12:3477::9") == "2001:db8:12:3400::/56"
    assert address_block("::ffff:203.0.113.77") == "203.0.113.0/24"
