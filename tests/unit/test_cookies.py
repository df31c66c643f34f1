"""Our cookies are found beside any other cookie of the town's domain."""

import pytest
from gateway.cookies import cookies_in, in_one_line

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
