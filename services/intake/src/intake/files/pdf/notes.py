"""Notes on a page (annotations, ISO 32000-2, 12.5) and fields (12.7), before they are drawn onto it."""

from pikepdf import Array, Dictionary, Name, Object, Page, Stream, String

from intake.files.kinds import NotTaken
from intake.files.pdf.layers import Layers
from intake.files.pdf.making import items, whole

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
_PASSWORD = 1 << 13  # flag of a field (table 230)


def prepare_notes(page: Page, layers: Layers) -> int:
    """Leave out what no screen shows, and mask what a screen masks; how many notes the page had.

    `NotTaken` for a note that readers draw by themselves: it may cover something, and no two draw the same.
    """
    notes = list(items(page.obj.get("/Annots"), MAX_NOTES))
    if notes:
        seen = [each for each in notes if isinstance(each, Dictionary) and layers.is_seen(each)]
        for each in seen:
            _prepare(each)
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


def _prepare(note: Dictionary) -> None:
    kind = str(note.get("/Subtype"))
    if kind == "/Widget":
        _mask(note)
    if kind in _NOT_DRAWN or _has_looks(note) or (kind == "/Widget" and not _has_ground(note)):
        return
    raise NotTaken("content-in-pdf")


def _has_looks(note: Dictionary) -> bool:
    looks = note.get("/AP")
    normal = looks.get("/N") if isinstance(looks, Dictionary) else None
    if isinstance(normal, Stream):
        return True
    state = note.get("/AS")
    if not isinstance(normal, Dictionary) or not isinstance(state, Name):
        return False
    return isinstance(normal.get(str(state)), Stream)


def _has_ground(field: Dictionary) -> bool:
    """Whether readers give it a ground or an edge of their own making."""
    told = field.get("/MK")
    if not isinstance(told, Dictionary):
        return False
    return any(len(items(told.get(key), 4)) > 0 for key in ("/BG", "/BC"))


def _mask(field: Dictionary) -> None:
    """Let the value be what a screen shows of it: asterisks, and the words of a choice."""
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
