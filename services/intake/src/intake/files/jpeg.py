"""The parts of a JPEG file: takes out what is not needed to show it, and leaves the picture as coded."""

_START, _END, _SCAN = 0xD8, 0xD9, 0xDA
_ADOBE = 0xEE  # APP14 tells how the colours are coded
_COMMENT = 0xFE


def without_metadata(data: bytes) -> bytes:
    """The same JPEG without application segments (EXIF, XMP, IPTC, profiles, thumbnails) and comments.

    What follows the end of the picture is cut off. Bytes that are no JPEG come back empty, so that nothing
    unknown is carried along (ITU-T T.81, annex B).
    """
    if data[:2] != bytes((0xFF, _START)):
        return b""
    kept, at = bytearray(data[:2]), 2
    while at + 4 <= len(data) and data[at] == 0xFF:
        marker = data[at + 1]
        if marker == 0xFF:  # fill byte
            at += 1
            continue
        size = 2 + int.from_bytes(data[at + 2 : at + 4])
        if marker == _SCAN:
            end = data.rfind(bytes((0xFF, _END)))
            kept += data[at : end + 2] if end > at else data[at:] + bytes((0xFF, _END))
            return bytes(kept)
        if not _is_metadata(marker):
            kept += data[at : at + size]
        at += size
    return b""


def _is_metadata(marker: int) -> bool:
    return marker == _COMMENT or (0xE0 <= marker <= 0xEF and marker != _ADOBE)
