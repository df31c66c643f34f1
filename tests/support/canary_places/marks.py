"""A canary, and where one puts it in a PDF."""

import zlib
from collections.abc import Callable
from typing import Any

import pikepdf
from pikepdf import Array, Dictionary, Name, Stream, String

from tests.support.canaries import WORD
from tests.support.files import CANARY

Change = Callable[[pikepdf.Pdf], None]


def text() -> String:
    """The canary, as a text."""
    return String(CANARY)


def stream(made: pikepdf.Pdf) -> Stream:
    """A stream that holds the canary and is packed."""
    packed_stream = Stream(made, b"")
    packed_stream.write(zlib.compress(WORD * 2), filter=Name.FlateDecode)
    return made.make_indirect(packed_stream)


def attached(made: pikepdf.Pdf) -> Dictionary:
    """A file that is attached."""
    return Dictionary(Type=Name.Filespec, F=text(), UF=text(), EF=Dictionary(F=stream(made)))


def script(_: pikepdf.Pdf) -> Dictionary:
    """An action that runs a script."""
    return Dictionary(S=Name.JavaScript, JS=text())


def with_picture(data: bytes, coding: tuple[str, ...], **told: Any) -> Callable[[pikepdf.Pdf], None]:
    """Show a picture of these bytes on the page."""

    def change(made: pikepdf.Pdf) -> None:
        usual = {"Width": 64, "Height": 48, "BitsPerComponent": 8, "ColorSpace": Name.DeviceRGB}
        image = Stream(made, b"", Type=Name.XObject, Subtype=Name.Image, **{**usual, **told})
        filters = Array([Name(f"/{each}") for each in coding])
        image.write(data, filter=filters if coding else None, decode_parms=told.get("DecodeParms"))
        made.pages[0].Resources.XObject.Shown = made.make_indirect(image)
        draw(made, b"q 90 0 0 70 10 10 cm /Shown Do Q")

    return change


def draw(made: pikepdf.Pdf, content: bytes) -> None:
    """Draw this on the page, over what is there."""
    page = made.pages[0]
    page.Contents = made.make_stream(page.Contents.read_bytes() + b"\n" + content)


def in_catalog(key: str, value: Callable[[pikepdf.Pdf], object]) -> Change:
    """Under this key of the document's catalog."""

    def change(made: pikepdf.Pdf) -> None:
        made.Root[f"/{key}"] = value(made)

    return change


def on_page(key: str, value: Callable[[pikepdf.Pdf], object]) -> Change:
    """Under this key of the page."""

    def change(made: pikepdf.Pdf) -> None:
        made.pages[0].obj[f"/{key}"] = value(made)

    return change


def on_image(key: str, value: Callable[[pikepdf.Pdf], object]) -> Change:
    """Under this key of the picture on the page."""

    def change(made: pikepdf.Pdf) -> None:
        made.pages[0].Resources.XObject.Im1[f"/{key}"] = value(made)

    return change


def on_font(key: str, value: Callable[[pikepdf.Pdf], object]) -> Change:
    """Under this key of the page's font."""

    def change(made: pikepdf.Pdf) -> None:
        made.pages[0].Resources.Font.F1[f"/{key}"] = value(made)

    return change


def in_content(content: bytes) -> Change:
    """Between the operators of the page."""
    return lambda made: draw(made, content)


def with_note(**told: object) -> Change:
    """With a note on the page that has these keys."""

    def change(made: pikepdf.Pdf) -> None:
        shown = Stream(made, b"0 0 9 9 re f", Type=Name.XObject, Subtype=Name.Form, BBox=Array([0, 0, 9, 9]))
        note = Dictionary(Type=Name.Annot, Subtype=Name.Square, Rect=Array([10, 10, 19, 19]), F=4)
        note.AP = Dictionary(N=made.make_indirect(shown))
        for key, value in told.items():
            note[f"/{key}"] = value(made) if callable(value) else value
        made.pages[0].obj.Annots = Array([made.make_indirect(note)])

    return change


def with_resource(category: str, value: Callable[[pikepdf.Pdf], object], content: bytes) -> Change:
    """With a resource of the page, and the content that uses it."""

    def change(made: pikepdf.Pdf) -> None:
        if f"/{category}" not in made.pages[0].Resources:
            made.pages[0].Resources[f"/{category}"] = Dictionary()
        made.pages[0].Resources[f"/{category}"].Own = value(made)
        draw(made, content)

    return change


def with_form(**told: object) -> Change:
    """With a form on the page that has these keys."""

    def change(made: pikepdf.Pdf) -> None:
        content = told.get("content", b"0 0 9 9 re f")
        assert isinstance(content, bytes)
        form = Stream(made, content, Type=Name.XObject, Subtype=Name.Form, BBox=Array([0, 0, 9, 9]))
        for key, value in told.items():
            if callable(value):
                form[f"/{key}"] = value(made)
        made.pages[0].Resources.XObject.Own = made.make_indirect(form)
        draw(made, b"/Own Do")

    return change
