"""The points of a mesh (ISO 32000-2, 8.7.4.5.5 to .8), read to the last whole one and written again."""

from pikepdf import Stream

from intake.files.kinds import NotTaken
from intake.files.pdf.making import Making, first, kept, sure, whole

_MOST_BYTES = 64 * 1024 * 1024
_BITS = {"/BitsPerCoordinate": whole, "/BitsPerComponent": whole, "/BitsPerFlag": whole}
_FREE, _LATTICE, _COONS = 4, 5, 6
#: Points and colours of a patch that stands alone, and of one that borrows a side.
_PATCH = {6: ((12, 4), (8, 2)), 7: ((16, 4), (12, 2))}


def mesh(making: Making, given: Stream, kind: int, values: int) -> tuple[bytes, dict[str, object]]:
    """The data of a mesh with `values` numbers for a colour, and what must be told of them."""
    told = kept(given, {**_BITS, "/Decode": sure(first(4 + 2 * values)), "/VerticesPerRow": whole})
    flag, place, colour = (
        int(str(told.get(key, 0))) for key in ("/BitsPerFlag", "/BitsPerCoordinate", "/BitsPerComponent")
    )
    if place not in {1, 2, 4, 8, 12, 16, 24, 32} or colour not in {1, 2, 4, 8, 12, 16}:
        raise NotTaken("content-in-pdf")
    if kind != _LATTICE and flag not in {2, 4, 8}:
        raise NotTaken("content-in-pdf")
    data = making.contents(given, _MOST_BYTES)
    if kind in _PATCH:
        return data[: _end_of_patches(data, kind, (flag, place, colour * values))], told
    bits = 2 * place + colour * values + (flag if kind == _FREE else 0)
    size = (bits + 7) // 8
    return data[: len(data) // size * size], told


def _end_of_patches(data: bytes, kind: int, bits: tuple[int, int, int]) -> int:
    flag_bits, place_bits, colour_bits = bits
    at = 0
    while at < len(data):
        flag = (data[at] >> (8 - flag_bits)) & 3
        points, colours = _PATCH[kind][0 if flag == 0 else 1]
        size = (flag_bits + points * 2 * place_bits + colours * colour_bits + 7) // 8
        if at + size > len(data):
            break
        at += size
    return at
