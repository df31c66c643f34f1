"""The operators of content streams, and what each takes (ISO 32000-2, annex A)."""

from collections.abc import Mapping, Sequence

from intake.files.pdf.words import Sort

#: Those that take numbers only, and how many.
_OF_NUMBERS: Mapping[bytes, int] = {
    **dict.fromkeys(b"w J j M i G g Tc Tw Tz TL Tr Ts".split(), 1),
    **dict.fromkeys(b"m l Td TD d0".split(), 2),
    **dict.fromkeys(b"RG rg".split(), 3),
    **dict.fromkeys(b"v y re K k".split(), 4),
    **dict.fromkeys(b"cm c Tm d1".split(), 6),
}
#: Those that take nothing; whatever stands before them counts for no reader.
ALONE = frozenset(b"q Q h n W W* BT ET T* S s f F f* B B* b b*".split())
#: How many numbers each of both takes.
COUNTS: Mapping[bytes, int] = {**_OF_NUMBERS, **dict.fromkeys(ALONE, 0)}
#: Painting that ends a path.
PAINTING = frozenset(b"S s f F f* B B* b b*".split())
#: After these, text stands where it is told to, whatever was shown before.
MOVING = frozenset(b"BT Td TD Tm T*".split())
FILL_COLOURS, STROKE_COLOURS = frozenset(b"g rg k".split()), frozenset(b"G RG K".split())
#: What changes how the rest is drawn, or draws itself; all others are written as they stand.
NOTED = PAINTING | MOVING | FILL_COLOURS | STROKE_COLOURS | frozenset((b"q", b"Q", b"Tr", b"Tz", b"cm"))

SHOWING: Mapping[bytes, Sequence[Sort]] = {
    b"Tj": (Sort.STRING,),
    b"'": (Sort.STRING,),
    b'"': (Sort.NUMBER, Sort.NUMBER, Sort.STRING),
}
COLOURS = frozenset(b"sc SC scn SCN".split())
NAMED = frozenset(b"gs Do sh cs CS".split())
MARKS = frozenset((b"BDC", b"BMC", b"EMC"))
WITHOUT_PAINT = frozenset((b"MP", b"DP"))
INTENTS = frozenset((b"/AbsoluteColorimetric", b"/RelativeColorimetric", b"/Saturation", b"/Perceptual"))
