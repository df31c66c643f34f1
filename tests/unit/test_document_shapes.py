"""However a PDF repeats itself, twice as much takes twice as long to read: no shape makes reading swell."""

import struct
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from functools import partial

import pikepdf
import pytest
from intake.files.documents import clean_document
from intake.files.kinds import NotTaken
from intake.files.pdf.glyphs import Glyphs
from intake.files.pdf.outlines import bare_outline
from intake.files.pdf.truetype import bare_font
from intake.files.pdf.work import MOST_STEPS, Work
from pikepdf import Stream

from tests.support.canary_places import truetype, written
from tests.support.canary_places.marks import on_font

_FEW, _MANY = 10_000, 20_000
_TOKENS = (
    *(
        b"1",
        b"111111111111 ",
        b"1.5 ",
        b".",
        b"-",
        b"-1",
        b"1-",
        b"0.",
        b"a",
        b"a ",
        b"x\n",
        b"f ",
        b"q ",
        b"Q ",
    ),
    *(
        b"(",
        b")",
        b"()",
        b"(a",
        b"\\",
        b"(\\",
        b"\\)",
        b"<",
        b">",
        b"<<",
        b">>",
        b"<4",
        b"[",
        b"]",
        b"[(",
        b"[1 ",
    ),
    *(
        b"[(a)",
        b"[<4>",
        b"/",
        b"/a",
        b"#",
        b"/#",
        b"/#41 ",
        b"%",
        b"%\n",
        b"{",
        b"}",
        b" ",
        b"\n",
        b"\0",
        b"'",
        b'"',
    ),
    *(
        b"BI ",
        b"ID ",
        b"EI ",
        b" EI",
        b"BI ID EI ",
        b"BT ",
        b"ET ",
        b"/P BMC ",
        b"EMC ",
        b"(a)Tj ",
        b"[(a) 1]TJ ",
    ),
    *(
        b"0 g ",
        b"/a gs ",
        b"1 0 0 1 0 0 cm ",
        b"/DeviceGray cs ",
        b"q /F1 9 Tf ",
        b"/F1 9 Tf q 0 0 9 9 re f ",
    ),
    *(b"BX ", b"EX ", b"0 0 9 9 re ", b"q 1 sc f ", b"3 Tr (a)Tj ", b"q 0 g q 1 sc Q f "),
)
#: Before them and behind: an open string, list or section reads them in another way.
_FRAMES = ((b"(", b""), (b"[", b"]"), (b"", b" x"), (b"BI ", b" ID x EI"), (b"/P <<", b">> BDC"))
_OF_MAPS = (b"(", b"<", b"<<", b"[", b"/", b"%", b"a", b" ", b"<0> ", b"1 beginbfchar ", b"beginbfrange <0> ")


def seconds(data: bytes) -> float:
    """What reading costs of a processor, whatever comes of it."""
    start = time.process_time()
    with suppress(NotTaken):
        clean_document(data)
    return time.process_time() - start


def _page(content: bytes) -> bytes:
    def change(made: pikepdf.Pdf) -> None:
        made.pages[0].Contents = made.make_stream(content)

    return written(change)


def _repeated(frame: tuple[bytes, bytes], token: bytes, count: int, each: int = 1) -> bytes:
    before, behind = frame
    return _page(before + token * (count // each) + behind)


def _require_steady(make: Callable[[int], bytes], what: object) -> None:
    few, many = seconds(make(_FEW)), seconds(make(_MANY))
    assert many < 4 * few + 0.5, (what, few, many)


@pytest.mark.parametrize("frame", _FRAMES)
def test_no_word_of_a_drawing_swells(frame: tuple[bytes, bytes]) -> None:
    for token in _TOKENS:
        _require_steady(partial(_repeated, frame, token), token)


def test_no_mix_of_words_swells() -> None:
    for at, token in enumerate(_TOKENS):
        mix = token * 6 + _TOKENS[(at * 7 + 3) % len(_TOKENS)] + _TOKENS[(at * 11 + 5) % len(_TOKENS)]
        _require_steady(partial(_repeated, (b"", b""), mix, each=8), mix)


@pytest.mark.parametrize("token", _OF_MAPS)
def test_no_word_of_a_map_swells(token: bytes) -> None:
    def make(count: int) -> bytes:
        return written(on_font("ToUnicode", lambda made: made.make_indirect(Stream(made, token * count))))

    _require_steady(make, token)


def test_long_numbers_in_a_row_are_read_at_once() -> None:
    assert seconds(_page((b"111111111111 " * 7 + b"x\n") * 60)) < 2


def test_a_string_that_is_never_closed_is_read_once() -> None:
    assert seconds(_page(b"(" + b"a" * 400_000)) < 2


#: Points that weigh little: each flag with how often it is repeated, or as it stands.
_OUTLINES: Mapping[str, bytes] = {
    "repeated": bytes([16 | 32 | 8, 255]) * 256,
    "by itself": bytes([16 | 32, 16 | 32 | 1]) * 32768,
    "the same": bytes([16 | 32]) * 65536,
}


def _outline(flags: bytes) -> bytes:
    return struct.pack(">5h", 1, 0, 0, 9, 9) + struct.pack(">HH", 65535, 0) + flags


@pytest.mark.parametrize("what", _OUTLINES)
def test_an_outline_that_is_named_time_and_again_is_counted(what: str) -> None:
    work, outline = Work(MOST_STEPS // 10), _outline(_OUTLINES[what])
    start = time.process_time()
    with pytest.raises(NotTaken, match="too-heavy"):
        _name(outline, 1_600, work)
    assert time.process_time() - start < 2


def _name(outline: bytes, times: int, work: Work) -> None:
    for _ in range(times):
        bare_outline(outline, work)


def test_a_usual_font_takes_little_of_the_account() -> None:
    work = Work()
    bare_font(truetype(), Glyphs(), work)
    assert work.left > MOST_STEPS * 0.9
