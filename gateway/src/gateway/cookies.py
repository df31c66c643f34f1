"""Reading cookies."""

from collections.abc import Mapping, Sequence

_MOST = 4  # of one name: each may cost who reads it a look into the database

Headers = Sequence[tuple[bytes, bytes]]


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
