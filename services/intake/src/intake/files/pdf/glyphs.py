"""Names of glyphs: those of the trade stay, so that words can be found; any other becomes a number."""

import re
from importlib.resources import files

#: The Adobe glyph list for new fonts, the standard strings of CFF and the order of Macintosh fonts.
_KNOWN = frozenset(files(__package__).joinpath("glyphs.txt").read_text(encoding="ascii").split())
_SPEAKING = re.compile(
    r"(?:uni(?:[0-9A-F]{4}){1,4}|u[0-9A-F]{4,6}|[A-Za-z](?:_[A-Za-z]){1,3}"
    r"|(?:afii|cid|gid|glyph|index|char|SF|[aBcCgGHsTx])_?\d{1,6})"
)


class Glyphs:
    """Which name each glyph of a document has; the same name gets the same new one in every place."""

    def __init__(self) -> None:
        self._renamed: dict[str, str] = {}

    def name(self, given: str) -> str:
        """The name that is kept, without a slash."""
        if given in _KNOWN or _SPEAKING.fullmatch(given):
            return given
        return self._renamed.setdefault(given, f"n{len(self._renamed)}.of")
