"""PDF, written anew from what is seen on its pages. Runs in the cleaning process only.

Pages are taken over by a list of what a page needs; everything else of the document stays behind: its
information, XMP, names, scripts, actions, embedded files, outlines, layers, and forms, whose filled-in values
are drawn first.
"""

import io
import zlib
from collections.abc import Iterator

import pikepdf
from pikepdf import Array, Dictionary, Name, Object, Stream

from intake.files.jpeg import without_metadata
from intake.files.kinds import NotTaken

MAX_PAGES = 500
MAX_OBJECTS = 200_000
MAX_UNPACKED_BYTES = 512 * 1024 * 1024
MAX_STREAM_BYTES = 256 * 1024 * 1024
MAX_IMAGE_PIXELS = 200_000_000
_STEP_BYTES = 1024 * 1024

#: What of a page is taken over (ISO 32000-2, table 31); the rest is links, actions, thumbnails, history.
_OF_PAGE = frozenset({"/Type", "/MediaBox", "/CropBox", "/Rotate", "/Contents", "/Resources", "/UserUnit"})
#: What is taken out of everything that a page still reaches.
_NEVER = frozenset(
    {
        *("/AA", "/AF", "/Annots", "/EF", "/EmbeddedFiles", "/JavaScript", "/JS", "/LastModified"),
        *("/Launch", "/Metadata", "/Names", "/OpenAction", "/OPI", "/PieceInfo", "/RichMediaContent"),
        *("/StructParent", "/StructParents", "/Thumb", "/URI", "/XFA"),
    }
)
_IMAGE_CODECS = frozenset({"/DCTDecode", "/JPXDecode", "/CCITTFaxDecode", "/JBIG2Decode"})


def clean_document(data: bytes) -> bytes:
    """The same pages in a new document. `NotTaken`: damaged, encrypted, too large or too many pages."""
    try:
        with pikepdf.open(io.BytesIO(data), attempt_recovery=False, suppress_warnings=True) as given:
            if given.is_encrypted:
                raise NotTaken("encrypted")
            return _rewritten(given)
    except pikepdf.PasswordError as error:
        raise NotTaken("encrypted") from error
    except (pikepdf.PdfError, ValueError, TypeError, KeyError, RuntimeError) as error:
        raise NotTaken("damaged") from error


def _rewritten(given: pikepdf.Pdf) -> bytes:
    if len(given.objects) > MAX_OBJECTS:
        raise NotTaken("unpacks-too-large")
    if not len(given.pages):
        raise NotTaken("damaged")
    if len(given.pages) > MAX_PAGES:
        raise NotTaken("too-many-pages")
    given.generate_appearance_streams()
    given.flatten_annotations("all")
    for page in given.pages:
        _reduce(page)
    made = pikepdf.new()
    made.pages.extend(given.pages)
    unpacked = 0
    for each in _reached(made):
        _strip(each)
        if isinstance(each, Stream):
            unpacked += _clean_stream(each)
            if unpacked > MAX_UNPACKED_BYTES:
                raise NotTaken("unpacks-too-large")
    out = io.BytesIO()
    made.save(out, fix_metadata_version=False, object_stream_mode=pikepdf.ObjectStreamMode.generate)
    return out.getvalue()


def _reduce(page: pikepdf.Page) -> None:
    """Leave on a page what is seen; what it inherits becomes its own."""
    page.obj.Resources = page.resources
    page.obj.MediaBox = page.mediabox
    page.obj.CropBox = page.cropbox
    if (turned := _inherited(page.obj, "/Rotate")) is not None:
        page.obj.Rotate = turned
    for key in [key for key in page.obj.keys() if key not in _OF_PAGE and key != "/Parent"]:  # noqa: SIM118
        del page.obj[key]


def _inherited(node: Object, key: str) -> Object | None:
    for _ in range(64):
        if key in node:
            return node[key]
        if "/Parent" not in node:
            return None
        node = node.Parent
    return None


def _reached(made: pikepdf.Pdf) -> Iterator[Object]:
    """Every dictionary and stream of the new document, wherever it lies."""
    waiting: list[Object] = [made.Root, *made.objects]
    seen: set[tuple[int, int]] = set()
    while waiting:
        each = waiting.pop()
        if each.is_indirect:
            if each.objgen in seen:
                continue
            seen.add(each.objgen)
        if isinstance(each, (Dictionary, Stream)):
            yield each
            waiting += [value for _, value in each.items() if isinstance(value, Object)]
        elif isinstance(each, Array):
            waiting += [value for value in each if isinstance(value, Object)]


def _strip(each: Object) -> None:
    for key in [key for key in each.keys() if key in _NEVER]:  # noqa: SIM118
        del each[key]
    if isinstance(each, Stream) and "/F" in each:
        raise NotTaken("damaged")  # its data would lie in another file


def _clean_stream(stream: Stream) -> int:
    """Take metadata out of an embedded photo; how many bytes the stream unpacks to. Bounded in memory."""
    filters = _filters(stream)
    if stream.get("/Subtype") == Name.Image:
        pixels = int(stream.get("/Width", 0)) * int(stream.get("/Height", 0))
        if not 0 <= pixels <= MAX_IMAGE_PIXELS:
            raise NotTaken("unpacks-too-large")
    if filters == ["/DCTDecode"]:
        picture = without_metadata(stream.read_raw_bytes())
        stream.write(picture, filter=Name.DCTDecode, decode_parms=_parameters(stream))
        return 0
    if _IMAGE_CODECS.intersection(filters):
        return 0
    if filters == ["/FlateDecode"]:
        return _inflated_bytes(stream.read_raw_bytes())
    if filters.count("/FlateDecode") + filters.count("/LZWDecode") > 1:
        raise NotTaken("unpacks-too-large")  # packed twice: nobody needs it but a bomb
    return len(stream.read_bytes()) if filters else len(stream.read_raw_bytes())


def _parameters(stream: Stream) -> Dictionary | None:
    found = stream.get("/DecodeParms")
    return found if isinstance(found, Dictionary) else None


def _filters(stream: Stream) -> list[str]:
    named = stream.get("/Filter")
    if named is None:
        return []
    return [str(each) for each in named] if isinstance(named, Array) else [str(named)]


def _inflated_bytes(packed: bytes) -> int:
    """How many bytes this unpacks to, without keeping them; damaged data count as far as they go."""
    unpacker, size, rest = zlib.decompressobj(), 0, packed
    while rest:
        try:
            size += len(unpacker.decompress(rest, _STEP_BYTES))
        except zlib.error:
            return size
        if size > MAX_STREAM_BYTES:
            raise NotTaken("unpacks-too-large")
        rest = unpacker.unconsumed_tail
    return size
