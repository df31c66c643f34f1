"""Takes out of a head, while it comes, the cookies that are not ours.

Any page of the town's domain can make a browser send 180 cookies of 4 KiB along (Chromium, Firefox), and who
comes with them must be answered all the same. So they count for nothing, and no more of a line is held than
could be one of ours.
"""

#: More come from no browser.
MOST_COOKIES, MOST_COOKIE_BYTES = 1024, 1024 * 1024
_MOST_OWN_BYTES = 512  # ours are shorter
_MOST_HELD_BYTES = 1024
_NAMELESS = b"="  # stands for the beginning of a cookie that is too long to be ours, as it has no name at all
_NAME = b"cookie:"


class OwnCookies:
    """Finds the cookies of these names; without names none."""

    def __init__(self, names: frozenset[str]) -> None:
        self._names = frozenset(each.encode() for each in names)

    def among(self, line: bytes) -> bytes:
        """What is ours of the value of a `Cookie` header (RFC 6265, 4.2.1), in its order."""
        pairs = map(bytes.strip, line.split(b";", MOST_COOKIES)[:MOST_COOKIES])
        return b"; ".join(each for each in pairs if len(each) <= _MOST_OWN_BYTES and self._is_own(each))

    def _is_own(self, pair: bytes) -> bool:
        name, is_pair, _ = pair.partition(b"=")
        return bool(is_pair) and name.strip() in self._names


class CookieSieve:
    """Reads a head that comes in pieces and leaves out of its `Cookie` lines what is not ours.

    Where a line or the head ends the parser decides: nothing but what stands within such a line is left out.
    """

    def __init__(self, own: OwnCookies) -> None:
        self._own = own
        self._name: bytes | None  # so much of a line's name came; None: no name is awaited
        self._held: bytes | None  # of a cookie that is not whole; None: this is no line of cookies
        self._separator = b""  # before the next of ours in this line
        self.lose()

    @property
    def is_too_much(self) -> bool:
        """Whether so much came in this head that nothing of it was looked at any more."""
        return self._count > MOST_COOKIES or self.size_bytes > MOST_COOKIE_BYTES

    def begin(self) -> None:
        """A head begins with the next byte."""
        self.lose()
        self._name = b""

    def lose(self) -> None:
        """Some was read without us: leave everything as it is until the next line."""
        self._name = self._held = None
        self._count, self.size_bytes = 0, 0  # of the cookies of this head, ours or not
        self.has_own = False

    def next(self, came: bytes, at: int) -> tuple[bytes, int]:
        """What the parser reads next of what came, and where to go on: to the end of a line at most."""
        if self._held is not None:
            return self._cookies(came, at)
        if self._name is not None:
            return self._line_name(came, at)
        end = came.find(b"\n", at) + 1
        if end:
            self._name = b""
        return came[at : end or len(came)], end or len(came)

    def _line_name(self, came: bytes, at: int) -> tuple[bytes, int]:
        begun = self._name or b""
        part = came[at : at + len(_NAME) - len(begun)]
        part = part[: part.find(b"\n") + 1 or len(part)]
        name = (begun + part).lower()
        if name == _NAME:
            self._name, self._held, self._separator = None, b"", b""
        elif name.endswith(b"\n"):
            self._name = b""
        else:
            self._name = name if _NAME.startswith(name) else None
        return part, at + len(part)

    def _cookies(self, came: bytes, at: int) -> tuple[bytes, int]:
        ends = [found for each in (b"\r", b"\n") if (found := came.find(each, at)) >= 0]
        end = min(ends, default=len(came))
        self.size_bytes += end - at
        line = (self._held or b"") + came[at:end]
        cut = len(line) if ends else line.rfind(b";") + 1
        held = line[cut:]
        self._held = None if ends else held if len(held) <= _MOST_HELD_BYTES else _NAMELESS
        self._count += line.count(b";", 0, cut)
        ours = b"" if self.is_too_much else self._own.among(line[:cut])
        if not ours:
            return b"", end
        ours = self._separator + ours
        self._separator, self.has_own = b"; ", True
        return ours, end
