"""CMaps: which code is which character, or which text. Only the maps are written again (Adobe note 5014)."""

import itertools
import re

from intake.files.kinds import NotTaken

_MOST_BYTES = 16 * 1024 * 1024
_MOST_TEXT = 16  # hexadecimal digits of what a code may stand for: a ligature, no sentence
_MOST_CODE = 8
_LINES = 100  # in one block, as the format asks
_TOKEN = re.compile(
    rb"%[^\r\n]*+|<<|>>|<([0-9A-Fa-f\s]*+)>|(/?[^\s<>\[\]()/%{}]++)|([\[\]])|\([^()]{0,99}+\)|.", re.DOTALL
)

#: Blocks: how many codes a line begins with, and what follows them.
_BLOCKS = {
    b"codespacerange": (2, ""),
    b"bfchar": (1, "text"),
    b"bfrange": (2, "texts"),
    b"cidchar": (1, "number"),
    b"cidrange": (2, "number"),
    b"notdefchar": (1, "number"),
    b"notdefrange": (2, "number"),
}
_TO_TEXT = frozenset({b"codespacerange", b"bfchar", b"bfrange"})
_TO_GLYPH = frozenset(_BLOCKS) - {b"bfchar", b"bfrange"}
#: The predefined CMaps (ISO 32000-2, table 116), without their direction.
_NAMES = """
    Identity GB-EUC GBpc-EUC GBK-EUC GBKp-EUC GBK2K UniGB-UCS2 UniGB-UTF16 B5pc HKscs-B5 ETen-B5 ETenms-B5
    CNS-EUC UniCNS-UCS2 UniCNS-UTF16 83pv-RKSJ 90ms-RKSJ 90msp-RKSJ 90pv-RKSJ Add-RKSJ EUC Ext-RKSJ
    UniJIS-UCS2 UniJIS-UCS2-HW UniJIS-UTF16 UniJIS2004-UTF16 KSC-EUC KSCms-UHC KSCms-UHC-HW KSCpc-EUC
    UniKS-UCS2 UniKS-UTF16
"""
_PREDEFINED = frozenset(_NAMES.split())

_Line = tuple[bytes, ...]


def predefined(name: str) -> str | None:
    """The name of a CMap that every reader has, or None."""
    bare, _, direction = name.removeprefix("/").rpartition("-")
    is_known = (bare in _PREDEFINED and direction in {"H", "V"}) or name.removeprefix("/") in {"H", "V"}
    return name.removeprefix("/") if is_known else None


def text_map(given: bytes) -> bytes:
    """A ToUnicode CMap that holds the same map and nothing else."""
    return _written(given, _TO_TEXT, 2)


def glyph_map(given: bytes) -> bytes:
    """An embedded CMap for an encoding, the same."""
    return _written(given, _TO_GLYPH, 1)


def _written(given: bytes, blocks: frozenset[bytes], kind: int) -> bytes:
    if len(given) > _MOST_BYTES:
        raise NotTaken("unpacks-too-large")
    tokens = [match for match in _TOKEN.finditer(given) if match.lastindex]
    out = [b"/CIDInit /ProcSet findresource begin 12 dict begin begincmap"]
    out.append(b"/CMapName /M def /CMapType %d def%s" % (kind, _head(tokens)))
    open_block: bytes | None = None
    start = 0
    for at, token in enumerate(tokens):
        word = token[2]
        if word and word.startswith(b"begin") and word[5:] in blocks:
            open_block, start = word[5:], at + 1
        elif word and open_block and word == b"end" + open_block:
            out += _block(open_block, _lines(open_block, tokens[start:at]))
            open_block = None
    out.append(b"endcmap CMapName currentdict /CMap defineresource pop end end")
    return b"\n".join(out)


def _head(tokens: list[re.Match[bytes]]) -> bytes:
    """Its direction, and the predefined CMap that it builds upon."""
    found = b""
    for before, token in itertools.pairwise(tokens):
        if before[2] == b"/WMode" and token[2] in {b"0", b"1"}:
            found += b" /WMode %s def" % token[2]
        if token[2] == b"usecmap" and before[2] and (base := predefined(before[2].decode("latin-1"))):
            found += b" /%s usecmap" % base.encode()
    return found


def _block(name: bytes, lines: list[_Line]) -> list[bytes]:
    out = []
    for at in range(0, len(lines), _LINES):
        some = lines[at : at + _LINES]
        out.append(b"%d begin%s" % (len(some), name))
        out += [b" ".join(line) for line in some]
        out.append(b"end%s" % name)
    return out


def _lines(name: bytes, tokens: list[re.Match[bytes]]) -> list[_Line]:
    codes, ends_in = _BLOCKS[name]
    found: list[_Line] = []
    rest = iter(tokens)
    for first in rest:
        line = [_hex(first, _MOST_CODE), *(_hex(next(rest, None), _MOST_CODE) for _ in range(codes - 1))]
        if ends_in:
            line.append(_end_of_line(rest, ends_in))
        if None not in line:
            found.append(tuple(each for each in line if each is not None))
    return found


def _end_of_line(rest: "object", ends_in: str) -> bytes | None:
    token: re.Match[bytes] | None = next(rest, None)  # type: ignore[call-overload]
    if token is None:
        return None
    if ends_in == "number":
        return token[2] if token[2] and re.fullmatch(rb"\d{1,6}", token[2]) else None
    if ends_in == "text" or token[3] != b"[":
        return _hex(token, _MOST_TEXT)
    texts = []
    for each in rest:  # type: ignore[attr-defined]
        if each[3] == b"]":
            break
        texts.append(_hex(each, _MOST_TEXT) or b"<FFFD>")
    return b"[%s]" % b" ".join(texts)


def _hex(token: re.Match[bytes] | None, most: int) -> bytes | None:
    if token is None or token[1] is None:
        return None
    digits = b"".join(token[1].split())
    return b"<%s>" % digits if 0 < len(digits) <= most else None
