"""Our cookies: what they are called, and how they are read."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

_MOST = 4  # of one name: each may cost who reads it a look into the database

Headers = Sequence[tuple[bytes, bytes]]

#: Chromium keeps these when a domain has too many, unless as many others are as important.
IMPORTANT = "; Priority=High"


@dataclass(frozen=True)
class CookieNames:
    """What our cookies are called; the door lets no others in.

    With https names have a prefix (RFC 6265bis, 4.1.3): `__Host-` where no other page of the domain may set
    one, `__Secure-` where the cookie goes to one path only.
    """

    is_https: bool
    language = "taal"

    @property
    def session(self) -> str:
        """Of a session."""
        return "__Host-vermoeden_session" if self.is_https else "vermoeden_session"

    @property
    def form(self) -> str:
        """To which the form of signing in is bound."""
        return "__Host-vermoeden_sign_in" if self.is_https else "vermoeden_sign_in"

    @property
    def known(self) -> str:
        """Of a browser in which somebody signed in before."""
        return "__Secure-vermoeden_known" if self.is_https else "vermoeden_known"

    @property
    def all(self) -> frozenset[str]:
        """Every name that we read."""
        return frozenset({self.session, self.form, self.known, self.language})


def cookies_in(headers: Mapping[bytes, bytes], name: str) -> tuple[str, ...]:
    """The values of a request's cookies of this name, in the order in which they came; none that is empty.

    Browsers send what any page of the domain set, as it is (RFC 6265, 5.4): each pair is read by itself, and
    only its name decides. A server may not count on the order of two of one name (4.2.2): who reads them
    tries each. Of more than four the first four are told.
    """
    pairs = (pair.partition(b"=") for pair in headers.get(b"cookie", b"").split(b";"))
    values = (value.strip().decode("latin-1") for found, _, value in pairs if found.strip() == name.encode())
    return tuple(value for value in values if value)[:_MOST]


def in_one_line(headers: Headers) -> Headers:
    """The same headers, with cookies that came in several lines in one (RFC 9113, 8.2.3)."""
    cookies = [value for name, value in headers if name == b"cookie"]
    if len(cookies) < 2:
        return headers
    others = [each for each in headers if each[0] != b"cookie"]
    return [*others, (b"cookie", b"; ".join(cookies))]
