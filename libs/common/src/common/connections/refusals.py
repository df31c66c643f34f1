"""What a client hears whose head is too long to be read: what to do, in Dutch and in English."""

from enum import Enum

_TOO_LONG = (
    "Het adres van deze pagina is te lang, of uw browser stuurt te veel mee. Typ het adres opnieuw.\n"
    "The address of this page is too long, or your browser sends too much along. Type the address again.\n"
)
_TOO_MANY_COOKIES = (
    "Uw browser stuurt te veel cookies mee. Wis de cookies van deze website en van andere websites van uw"
    " gemeente. Probeer het daarna opnieuw.\n"
    "Your browser sends too many cookies along. Delete the cookies of this website and of other websites of"
    " your municipality. Then try again.\n"
)


def _answer(told: str, *headers: str) -> bytes:
    """A whole answer with status 431 (RFC 6585, 5), after which the connection ends."""
    body = told.encode()
    lines = (
        "HTTP/1.1 431 Request Header Fields Too Large",
        "content-type: text/plain; charset=utf-8",
        "cache-control: no-store",
        "x-content-type-options: nosniff",
        f"content-length: {len(body)}",
        "connection: close",
        *headers,
    )
    return "\r\n".join((*lines, "", "")).encode() + body


class Refusal(Enum):
    """Each with the answer as it is sent."""

    HEAD = _answer(_TOO_LONG)
    COOKIES = _answer(_TOO_MANY_COOKIES)
    #: None of them is ours, so nobody is signed out when the browser takes them away. Only a page of the
    #: domain can bring that about, and it could push ours out itself.
    COOKIES_OF_OTHERS = _answer(_TOO_MANY_COOKIES, 'clear-site-data: "cookies"')
