"""From which network a request comes: what our own proxies wrote counts, and nothing that a client wrote."""

import pytest
from gateway.domain.networks import UNKNOWN, Proxies, bare_address
from gateway.domain.pace import address_block
from hypothesis import given
from hypothesis import strategies as st

CLIENT, PROXY, INNER = "203.0.113.9", "10.0.0.1", "10.0.0.2"
NAMED = Proxies.named([PROXY, "10.0.0.2/32", "fd00::/64"])
NETWORK = "203.0.113.0/24"


@pytest.mark.parametrize(
    ("peer", "written", "network"),
    [
        (PROXY, [CLIENT], NETWORK),
        (PROXY, [f"198.51.100.1, {CLIENT}"], NETWORK),
        (PROXY, ["198.51.100.1", CLIENT], NETWORK),  # two headers are one list
        (PROXY, [f"198.51.100.1,{CLIENT}, {INNER}"], NETWORK),
        (PROXY, [f"{INNER},{CLIENT}"], NETWORK),
        (PROXY, [f"{PROXY}, {INNER}"], "10.0.0.0/24"),  # proxies only: the furthest
        (PROXY, [], "10.0.0.0/24"),  # it wrote nothing
        (PROXY, ["198.51.100.1, unknown"], UNKNOWN),
        (PROXY, ["198.51.100.1, _hidden"], UNKNOWN),
        (PROXY, ["198.51.100.1,"], UNKNOWN),
        (PROXY, ["a/24"], UNKNOWN),
        (PROXY, ["1/56"], UNKNOWN),
        (PROXY, ["198.51.100.0/24"], UNKNOWN),  # an entry is an address
        ("a/24", [], UNKNOWN),
        ("203.0.113.9/24", [], UNKNOWN),
        (NETWORK, [], NETWORK),
        (PROXY, ["198.51.100.1, " + "9" * 9000], UNKNOWN),
        (PROXY, [f"198.51.100.1, {CLIENT}:4711"], NETWORK),
        (PROXY, ["[2001:db8:1:2ff::1]:47"], "2001:db8:1:200::/56"),
        (PROXY, ["2001:db8:1:2ff::1"], "2001:db8:1:200::/56"),
        (PROXY, ["fe80::1%eth0"], "fe80::/56"),
        (PROXY, ["::ffff:203.0.113.9"], NETWORK),
        ("::ffff:10.0.0.1", [CLIENT], NETWORK),
        ("fd00::7", [CLIENT], NETWORK),
        ("10.0.0.3", [CLIENT], "10.0.0.0/24"),  # a private address is no proxy
        ("192.168.1.4", [CLIENT], "192.168.1.0/24"),
        ("198.51.100.1", [CLIENT], "198.51.100.0/24"),
        ("", [CLIENT], UNKNOWN),
    ],
)
def test_the_last_that_is_no_proxy_of_ours_counts(peer: str, written: list[str], network: str) -> None:
    assert NAMED.network(peer, written) == network


def test_nobody_is_believed_unless_named() -> None:
    for peer in (PROXY, "127.0.0.1", "::1"):
        assert Proxies().network(peer, [CLIENT]) == address_block(peer)
        assert not Proxies().are_at(peer)


@pytest.mark.parametrize(
    ("hops", "written", "network"),
    [
        (1, [f"198.51.100.1, {CLIENT}"], NETWORK),
        (2, [f"198.51.100.1, {CLIENT}, {PROXY}"], NETWORK),
        (2, [CLIENT], "192.0.2.0/24"),  # it came past a proxy
        (2, [f"unknown, {CLIENT}"], UNKNOWN),
        (1, [], "192.0.2.0/24"),
    ],
)
def test_so_many_hops_are_counted_from_the_right(hops: int, written: list[str], network: str) -> None:
    assert Proxies.named([], hops).network("192.0.2.1", written) == network


@pytest.mark.parametrize(
    ("written", "network"),
    [
        (f"for=198.51.100.1, for={CLIENT};proto=https;by=10.0.0.1", NETWORK),
        ('for="[2001:db8:1:2ff::1]:47"', "2001:db8:1:200::/56"),
        (f'by=10.0.0.1;For="{CLIENT}:80"', NETWORK),
        (f"for={CLIENT};for=198.51.100.1", UNKNOWN),  # said twice
        (f'for="198.51.100.1, for={CLIENT}', NETWORK),  # a client's open quote
        ("for=_hidden", UNKNOWN),
        ("for=unknown", UNKNOWN),
        ("proto=https", UNKNOWN),
        (CLIENT, UNKNOWN),
    ],
)
def test_forwarded_is_read_as_its_standard_says(written: str, network: str) -> None:
    assert Proxies.named([PROXY], is_rfc7239=True).network(PROXY, [written]) == network


@pytest.mark.parametrize("names", [["10.0.0.0/33"], ["proxy.example"], ["10.0.0.1/8"], ["*"]])
def test_a_name_that_is_no_address_or_network_is_refused(names: list[str]) -> None:
    with pytest.raises(ValueError, match=r"."):
        Proxies.named(names)


def test_names_and_hops_are_not_both_given() -> None:
    with pytest.raises(ValueError, match="not both"):
        Proxies.named([PROXY], 1)


@given(st.text(max_size=80), st.lists(st.text(max_size=40), max_size=20))
def test_what_a_client_writes_never_changes_what_our_proxy_saw(entry: str, before: list[str]) -> None:
    for proxies, ours in (
        (NAMED, f"{CLIENT}"),
        (Proxies.named([PROXY], is_rfc7239=True), f"for={CLIENT}"),
        (Proxies.named([], 1), CLIENT),
    ):
        assert proxies.network(PROXY, [*before, entry + "," + ours]) == NETWORK


@given(st.text(max_size=80))
def test_an_entry_is_an_address_or_nothing(entry: str) -> None:
    found = bare_address(entry)
    assert found == "" or address_block(found) != UNKNOWN
