"""PDF, made anew from what is seen on its pages. Runs in the cleaning process only.

Nothing of the given document is carried over: pages are made from lists of what a page needs, drawings are
written word by word, pictures are decoded and coded anew, fonts keep their outlines. So everything else stays
behind: information, XMP, names, scripts, actions, embedded files, outlines, layers, and forms, whose
filled-in values are drawn first.
"""

import io
import struct
import zlib

import pikepdf
from pikepdf import Array, Dictionary, Name
from PIL import Image

from intake.files.kinds import NotTaken
from intake.files.pdf.actions import require_nothing_changes
from intake.files.pdf.codecs import bound_memory
from intake.files.pdf.drawing import Draughtsman
from intake.files.pdf.layers import Layers
from intake.files.pdf.making import Making, box, dictionary, kept, number, sure, whole
from intake.files.pdf.notes import MAX_NOTES, inherited, prepare_notes
from intake.files.pdf.work import OBJECT

MAX_PAGES = 500
MAX_OBJECTS = 200_000

_BOXES = {"/MediaBox": sure(box), "/CropBox": sure(box)}
_OF_PAGE = {"/Rotate": whole, "/UserUnit": number}
#: How the libraries give up on what is no PDF, no picture or no font.
_STUMBLES = (
    *(pikepdf.PdfError, pikepdf.ForeignObjectError, ArithmeticError, AttributeError, LookupError, OSError),
    *(RuntimeError, SyntaxError, TypeError, ValueError, EOFError, struct.error, zlib.error),
)


def clean_document(data: bytes) -> bytes:
    """The same pages in a new document.

    `NotTaken`: damaged, encrypted, too large, too many pages, or a picture, font or drawing that cannot be
    taken apart and made anew.
    """
    bound_memory()
    try:
        with pikepdf.open(io.BytesIO(data), attempt_recovery=False, suppress_warnings=True) as given:
            if given.is_encrypted:
                raise NotTaken("encrypted")
            return _made_anew(given)
    except pikepdf.PasswordError as error:
        raise NotTaken("encrypted") from error
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise NotTaken("unpacks-too-large") from error
    except RecursionError as error:
        raise NotTaken("too-heavy") from error
    except _STUMBLES as error:
        raise NotTaken("unpacks-too-large" if "limit exceeded" in str(error) else "damaged") from error


def _made_anew(given: pikepdf.Pdf) -> bytes:
    if len(given.objects) > MAX_OBJECTS:
        raise NotTaken("unpacks-too-large")
    if not len(given.pages):
        raise NotTaken("damaged")
    if len(given.pages) > MAX_PAGES:
        raise NotTaken("too-many-pages")
    made = pikepdf.new()
    making, layers = Making(given, made), Layers(given)
    require_nothing_changes(given, making.work)
    if sum(prepare_notes(page, layers) for page in given.pages) > MAX_NOTES:
        raise NotTaken("too-heavy")
    given.generate_appearance_streams()
    given.flatten_annotations("screen")
    draughtsman = Draughtsman(making, layers)
    for page in given.pages:
        made.pages.append(_page(draughtsman, page))
    draughtsman.drawn_fonts.finish()
    out = io.BytesIO()
    made.save(
        out,
        fix_metadata_version=False,
        deterministic_id=True,  # the usual one is made of the moment
        object_stream_mode=pikepdf.ObjectStreamMode.generate,
    )
    return out.getvalue()


def _page(draughtsman: Draughtsman, given: pikepdf.Page) -> pikepdf.Page:
    contents = given.obj.get("/Contents", Array([]))
    content, resources = draughtsman.page(contents, given.resources, given.obj)
    made = draughtsman.making.made
    draughtsman.making.work.take(OBJECT)
    told = {"/Type": Name.Page, "/Resources": resources, "/Contents": content}
    boxes = {"/MediaBox": given.mediabox, "/CropBox": given.cropbox}
    own = Dictionary({key: value for key in _OF_PAGE if (value := inherited(given.obj, key)) is not None})
    page = dictionary(
        told, kept(Dictionary(boxes), _BOXES), kept(own, _OF_PAGE), draughtsman.group(given.obj)
    )
    return pikepdf.Page(made.make_indirect(page))
