"""Pictures within a drawing (ISO 32000-2, 8.9.7), as images of their own."""

from pikepdf import Dictionary, Object, Stream

from intake.files.kinds import NotTaken
from intake.files.pdf.colours import components, space
from intake.files.pdf.making import Making, truth, whole

_SHORT = {
    "/W": "/Width",
    "/H": "/Height",
    "/BPC": "/BitsPerComponent",
    "/CS": "/ColorSpace",
    "/D": "/Decode",
    "/DP": "/DecodeParms",
    "/F": "/Filter",
    "/IM": "/ImageMask",
    "/I": "/Interpolate",
}
_SPACES = b"\0\t\n\x0c\r "


def image_of(making: Making, told: bytes, data: bytes) -> Stream:
    """An image of what the drawing says of a picture and of its data."""
    entries = Object.parse(b"<<" + told + b">>")
    if not isinstance(entries, Dictionary):
        raise NotTaken("picture-in-pdf")
    image = Stream(making.given, data)
    for key, value in entries.items():
        image[_SHORT.get(key, key)] = value
    return image


def require_all_samples(making: Making, image: Stream) -> None:
    """`NotTaken` where plain samples do not end where the picture does: readers draw what follows.

    The last byte may have been taken for a gap, and is put back as zero.
    """
    if "/Filter" in image:
        return
    is_stencil = truth(image.get("/ImageMask")) is True
    colours = None if is_stencil else space(making, image.get("/ColorSpace"))
    count = 1 if is_stencil or colours is None else components(colours)
    bits = 1 if is_stencil else whole(image.get("/BitsPerComponent")) or 8
    row_bytes = ((whole(image.get("/Width")) or 0) * count * bits + 7) // 8
    size_bytes = row_bytes * (whole(image.get("/Height")) or 0)
    data = image.read_raw_bytes()
    if len(data) + 1 < size_bytes or data[size_bytes:].strip(_SPACES):
        raise NotTaken("picture-in-pdf")
    if len(data) < size_bytes:
        image.write(data + b"\0")
