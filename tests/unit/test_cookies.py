"""Our cookies are found beside any other cookie of the town's domain."""

import itertools

import httptools
import pytest
from common.connections.cookies import CookieSieve, OwnCookies
from gateway.cookies import CookieNames, cookies_in, in_one_line
from hypothesis import given
from hypothesis import strategies as st

OURS = "vermoeden_session"
#: What other pages of the domain set, and browsers send along as it is.
OF_OTHERS = [
    "ok=1",
    'consent={"functional":true,"analytics":false}',
    "cookie[consent]=yes",
    'prefs="a b',
    "x=a b c",
    "OptanonConsent=isGABC=1&datestamp=Mon Nov 30 2026 20:00:00 GMT+0100 (CET)",
    "=leeg",
    "leeg=",
    "geen gelijkteken",
    "a=1,b=2",
    "naam=Café",
    "\x80\xff=\x00",
    f"not_{OURS}=elders",
    f"{OURS}_not=elders",
    f"={OURS}=elders",
    f"x={OURS}=elders",
    OURS.upper() + "=elders",
    OURS,
    f"{OURS}=",
    "$Version=1",
    "expires=Mon, 30 Nov 2026 20:00:00 GMT",
    ";;",
]


@pytest.mark.parametrize("other", OF_OTHERS)
@pytest.mark.parametrize("line", ["{0}; {1}", "{1}; {0}", "{0};{1}", "{1};{0}", "a=1; {1}; {0}; {1}; b=2"])
def test_no_other_cookie_hides_ours_or_passes_for_it(other: str, line: str) -> None:
    raw = line.format(f"{OURS}=t0-_ken", other).encode()
    assert cookies_in({b"cookie": raw}, OURS) == ("t0-_ken",)
    assert cookies_in({b"cookie": other.encode()}, OURS) == ()


def test_what_comes_twice_is_read_twice_in_its_order_and_not_without_end() -> None:
    raw = b"; ".join(b"%s=%d" % (OURS.encode(), number) for number in range(50))
    assert cookies_in({b"cookie": raw}, OURS) == ("0", "1", "2", "3")
    assert cookies_in({}, OURS) == ()


def test_cookies_on_several_lines_are_one_line() -> None:
    other = (b"accept", b"text/html")
    lines = [(b"cookie", b"a=1"), other, (b"cookie", b"b=2; c=3")]
    assert in_one_line(lines) == [other, (b"cookie", b"a=1; b=2; c=3")]
    assert in_one_line([other]) == [other]


@pytest.mark.parametrize("other", OF_OTHERS)
def test_the_door_lets_in_what_is_read_and_nothing_else(other: str) -> None:
    own = OwnCookies(frozenset({OURS, "taal"}))
    raw = f"{other}; {OURS}=a; taal=nl;{other}; {OURS} = b ;{OURS}={'x' * 600}; x".encode()
    assert cookies_in({b"cookie": own.among(raw)}, OURS) == ("a", "b")
    assert cookies_in({b"cookie": own.among(raw)}, "taal") == ("nl",)
    assert b"elders" not in own.among(raw)
    assert OwnCookies(frozenset()).among(raw) == b""


def test_every_cookie_of_ours_is_let_in() -> None:
    for is_https in (True, False):
        names = CookieNames(is_https)
        line = "; ".join(f"{each}=1" for each in (names.session, names.form, names.known, names.language))
        assert OwnCookies(names.all).among(line.encode()) == line.encode()


class _Heard:
    """What a parser made of a head."""

    def __init__(self) -> None:
        self.headers: list[tuple[bytes, bytes]] = []
        self.is_whole = False

    def on_header(self, name: bytes, value: bytes) -> None:
        self.headers.append((name.lower(), value))

    def on_headers_complete(self) -> None:
        self.is_whole = True


_PAIRS = (b"taal=nl", b"taal=" + b"y" * 505, b"x=" + b"z" * 2_000, b"", b" ", b"taal", b"=", b"taaltaal=1")
_LINES = st.one_of(
    st.sampled_from([b"Host: a", b"cOOkie: taal=nl", b"Cookie:", b"Cookies: taal=x", b"X: Cookie: taal=x"]),
    st.lists(st.sampled_from(_PAIRS), max_size=6).map(lambda pairs: b"Cookie: " + b"; ".join(pairs)),
)


@given(st.lists(_LINES, max_size=6), st.lists(st.integers(0, 4_000), max_size=12))
def test_a_head_says_the_same_wherever_it_is_cut(lines: list[bytes], cuts: list[int]) -> None:
    head = b"\r\n".join((b"GET / HTTP/1.1", *lines, b"", b""))
    whole, pieces, own = _Heard(), _Heard(), OwnCookies(frozenset({"taal"}))
    httptools.HttpRequestParser(whole).feed_data(head)
    parser, sieve, held = httptools.HttpRequestParser(pieces), CookieSieve(own), 0
    sieve.begin()
    edges = sorted({0, *(each for each in cuts if each < len(head)), len(head)})
    for start, end in itertools.pairwise(edges):
        came, at = head[start:end], 0
        while at < len(came):
            part, at = sieve.next(came, at)
            parser.feed_data(part)
            held = max(held, len(sieve._held or b""))
    assert pieces.is_whole
    filtered = [(name, own.among(value) if name == b"cookie" else value) for name, value in whole.headers]
    assert pieces.headers == filtered
    assert held <= 1024
    assert sieve.size_bytes == sum(len(each) - 7 for each in lines if each.lower().startswith(b"cookie:"))


@pytest.mark.parametrize(
    "head",
    [
        b"GET / HTTP/1.1\r\nCookie: a=1\n\nGET /2 HTTP/1.1\r\n\r\n",
        b"GET / HTTP/1.1\r\nCookie: a=1\rX: 1\r\n\r\n",
        b"GET / HTTP/1.1\r\nCookie : a=1\r\n\r\n",
        b"POST / HTTP/1.1\r\nContent-Length: 30\r\n\r\n\nCookie: a=1; b=2; c=3; d=4567\n",
    ],
)
def test_nothing_is_left_out_that_the_parser_does_not_take_for_cookies(head: bytes) -> None:
    """Else the end of a request would be elsewhere than for who passed it on."""
    read, at, sieve = b"", 0, CookieSieve(OwnCookies(frozenset()))
    sieve.begin()
    while at < len(head):
        part, at = sieve.next(head, at)
        read += part
        if read.endswith(b"\r\n\r\n"):  # as the server does: the rest is no head
            read, at = read + head[at:], len(head)
    left_out = b" a=1" if b"Cookie: a=1" in head and b"POST" not in head else b""
    assert read == head.replace(left_out, b"", 1)
