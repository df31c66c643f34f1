"""Reading cookies."""

from collections.abc import Mapping
from http.cookies import CookieError, SimpleCookie


def cookie_in(headers: Mapping[bytes, bytes], name: str) -> str | None:
    """The value of a request's cookie of this name; None when there is none, or it is empty."""
    raw = headers.get(b"cookie")
    if raw is None or name.encode() not in raw:
        return None
    try:
        morsel = SimpleCookie(raw.decode("latin-1")).get(name)
    except CookieError:
        return None
    return morsel.value if morsel and morsel.value else None
