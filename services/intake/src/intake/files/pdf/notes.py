"""Notes on a page (annotations, ISO 32000-2, 12.5) and fields (12.7), before they are drawn onto it."""

from pikepdf import Array, Dictionary, Name, Object, Page, Stream, String

from intake.files.kinds import NotTaken
from intake.files.pdf.codecs import contents
from intake.files.pdf.layers import Layers
from intake.files.pdf.making import items, plain_numbers, whole

MAX_NOTES = 50_000
_MOST_ANCESTORS = 64
_MOST_CHOICES = 10_000
#: Kinds of which a page shows nothing, or an icon beside the text, where the note does not say how it looks.
_NOT_DRAWN = frozenset(
    f"/{kind}"
    for kind in (
        *("Link", "Text", "Popup", "FileAttachment", "Sound", "Movie", "Screen"),
        *("PrinterMark", "TrapNet", "Watermark", "3D", "RichMedia", "Projection"),
    )
)
_INVISIBLE, _HIDDEN, _NOT_VIEWED = 1, 2, 32  # flags of a note (table 167)
_SIDES = 4
_LEAST_SIDE = 0.01  # points; of less, no screen shows more than a hairline
_PASSWORD = 1 << 13  # flag of a field (table 230)


def prepare_notes(page: Page, layers: Layers) -> int:
    """Leave out what no screen shows, and mask what a screen masks; how many notes the page had.

    `NotTaken` for a note that readers draw by themselves, or some draw and others do not: it may cover
    something, or tell what was not seen.
    """
    notes = list(items(page.obj.get("/Annots"), MAX_NOTES))
    if notes:
        seen = [each for each in notes if isinstance(each, Dictionary) and _is_drawn(each, layers)]
        for each in seen:
            _mask(each)
        page.obj["/Annots"] = Array(seen)
    return len(notes)


def inherited(node: Object, key: str) -> Object | None:
    """What a page or field says, or what it is in says for it."""
    for _ in range(_MOST_ANCESTORS):
        if key in node:
            return node[key]
        if "/Parent" not in node:
            return None
        node = node.Parent
    return None


def _is_drawn(note: Dictionary, layers: Layers) -> bool:
    """Whether it is on the screen."""
    flags = whole(note.get("/F")) or 0
    is_shown = layers.is_shown(note.get("/OC"))
    if flags & (_HIDDEN | _NOT_VIEWED) or is_shown is False:
        return False
    kind, looks = str(note.get("/Subtype")), _looks(note)
    is_field = kind == "/Widget"
    if looks is None and (kind in _NOT_DRAWN or (is_field and _is_signature(note) and not _has_ground(note))):
        return False
    if not _has_area(note.get("/Rect")):  # as signatures often are
        return False
    # Firefox heeds the first flag for every note, others for those of kinds that they do not know.
    if is_shown is None or flags & _INVISIBLE:
        raise NotTaken("content-in-pdf")
    if looks is None:
        if is_field and not _has_ground(note):
            return True
        raise NotTaken("content-in-pdf")
    if _has_area(looks.get("/BBox")):
        return True
    if contents(looks).strip():  # some readers draw it as large as it is
        raise NotTaken("content-in-pdf")
    return False


def _looks(note: Dictionary) -> Stream | None:
    """What is drawn for it in its state."""
    looks = note.get("/AP")
    normal = looks.get("/N") if isinstance(looks, Dictionary) else None
    state = note.get("/AS")
    if isinstance(normal, Dictionary) and isinstance(state, Name):
        normal = normal.get(str(state))
    return normal if isinstance(normal, Stream) else None


def _has_area(given: object) -> bool:
    """Whether there is room for anything within it. `NotTaken` where it is no box."""
    sides = plain_numbers(given)
    if sides is None or len(sides) != _SIDES:
        raise NotTaken("content-in-pdf")
    left, bottom, right, top = (float(each) for each in sides)
    return min(abs(right - left), abs(top - bottom)) >= _LEAST_SIDE


def _is_signature(field: Dictionary) -> bool:
    return inherited(field, "/FT") == Name.Sig


def _has_ground(field: Dictionary) -> bool:
    """Whether readers give it a ground or an edge of their own making."""
    told = field.get("/MK")
    if not isinstance(told, Dictionary):
        return False
    return any(len(items(told.get(key), 4)) > 0 for key in ("/BG", "/BC"))


def _mask(field: Dictionary) -> None:
    """Let the value of a field be what a screen shows of it: asterisks, and the words of a choice."""
    kind, value = inherited(field, "/FT"), inherited(field, "/V")
    if not isinstance(value, String):
        return
    if kind == Name.Tx and (whole(inherited(field, "/Ff")) or 0) & _PASSWORD:
        field["/V"] = String("*" * len(str(value)))
    elif kind == Name.Ch:
        for choice in items(inherited(field, "/Opt"), _MOST_CHOICES):
            if isinstance(choice, Array) and len(choice) == 2 and str(choice[0]) == str(value):
                field["/V"] = String(str(choice[1]))
                return
