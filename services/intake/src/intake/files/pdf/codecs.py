"""What a stream holds once its packing is undone (ISO 32000-2, 7.4), within bounds."""

import zlib

import pikepdf
from pikepdf import Array, Dictionary, Name, Object, Stream, StreamDecodeLevel

from intake.files.kinds import NotTaken

MAX_STREAM_BYTES = 256 * 1024 * 1024
_MOST_FILTERS = 4
_SHORT = {
    "/AHx": "/ASCIIHexDecode",
    "/A85": "/ASCII85Decode",
    "/LZW": "/LZWDecode",
    "/Fl": "/FlateDecode",
    "/RL": "/RunLengthDecode",
    "/CCF": "/CCITTFaxDecode",
    "/DCT": "/DCTDecode",
}
_GENERAL = frozenset({"/ASCIIHexDecode", "/ASCII85Decode", "/LZWDecode", "/FlateDecode", "/RunLengthDecode"})
_PICTURE = frozenset({"/DCTDecode", "/JPXDecode", "/CCITTFaxDecode", "/JBIG2Decode"})
_SWELLING = frozenset({"/LZWDecode", "/FlateDecode"})


def bound_memory() -> None:
    """Let qpdf give up on what unpacks too large; for the whole process."""
    pikepdf.settings.set_qpdf_limits(
        flate_max_memory=MAX_STREAM_BYTES,
        run_length_max_memory=MAX_STREAM_BYTES,
        png_max_memory=MAX_STREAM_BYTES,
        tiff_max_memory=MAX_STREAM_BYTES,
    )


def contents(given: Stream, most_bytes: int = MAX_STREAM_BYTES) -> bytes:
    """The bytes of a stream that is no picture. `NotTaken` when they are more than it may need."""
    data, coding, _ = unpacked(given)
    if coding is not None:
        raise NotTaken("content-in-pdf")
    if len(data) > max(most_bytes, MAX_STREAM_BYTES // 4):
        raise NotTaken("unpacks-too-large")
    return data


def unpacked(given: Stream) -> tuple[bytes, str | None, Dictionary | None]:
    """The bytes after every general filter, the picture coding that is left, and its parameters."""
    if "/F" in given:
        raise NotTaken("damaged")  # its data would lie in another file
    filters, parameters = _filters(given)
    general = [each for each in filters if each in _GENERAL]
    rest = filters[len(general) :]
    if filters[: len(general)] != general or len(rest) > 1 or not _PICTURE.issuperset(rest):
        raise NotTaken("content-in-pdf")
    if sum(each in _SWELLING for each in general) > 1:
        raise NotTaken("unpacks-too-large")  # packed twice: nobody needs it but a bomb
    data = _without(given, general, parameters)
    if len(data) > MAX_STREAM_BYTES:
        raise NotTaken("unpacks-too-large")
    return data, (rest[0] if rest else None), (parameters[len(general)] if rest else None)


def coding_of(given: Stream) -> str | None:
    """The picture coding that is left after every general filter."""
    filters, _ = _filters(given)
    return filters[-1] if filters and filters[-1] in _PICTURE else None


def _filters(given: Stream) -> tuple[list[str], list[Dictionary | None]]:
    filters = [_SHORT.get(str(each), str(each)) for each in _listed(given.get("/Filter"))]
    if len(filters) > _MOST_FILTERS:
        raise NotTaken("content-in-pdf")
    told = [each if isinstance(each, Dictionary) else None for each in _listed(given.get("/DecodeParms"))]
    return filters, [*told, *([None] * len(filters))][: len(filters)]


def _listed(value: Object | None) -> list[object]:
    if value is None:
        return []
    return list(value) if isinstance(value, Array) else [value]


def _without(given: Stream, filters: list[str], parameters: list[Dictionary | None]) -> bytes:
    raw = given.read_raw_bytes()
    if not filters:
        return raw
    if filters == ["/FlateDecode"] and not parameters[0]:
        return _inflated(raw)
    apart = pikepdf.Pdf.new()
    bare = Stream(apart, b"")
    told = [Dictionary(_numbers_of(each)) if each else None for each in parameters]  # qpdf asks for null
    names = [Name(each) for each in filters]
    bare.write(raw, filter=Array(names), decode_parms=Array(told[: len(names)]))
    try:
        return bare.read_bytes(StreamDecodeLevel.specialized)
    except RuntimeError as error:
        raise NotTaken("unpacks-too-large" if "limit" in str(error) else "damaged") from error


def _numbers_of(parameters: Dictionary) -> dict[str, object]:
    """Predictors and their sizes are numbers; nothing else belongs there."""
    return {key: value for key, value in parameters.items() if isinstance(value, int)}


def _inflated(packed: bytes) -> bytes:
    """As much as can be read: a stream that was cut off still shows what it has (as readers do)."""
    unpacker = zlib.decompressobj()
    found: list[bytes] = []
    size, rest = 0, packed
    while rest and not unpacker.eof:
        try:
            piece = unpacker.decompress(rest, 1024 * 1024)
        except zlib.error:
            break
        size += len(piece)
        if size > MAX_STREAM_BYTES:
            raise NotTaken("unpacks-too-large")
        found.append(piece)
        rest = unpacker.unconsumed_tail
    return b"".join(found)
