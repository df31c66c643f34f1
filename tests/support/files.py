"""Files as people send them, and as nobody should: made here, with canaries to look for afterwards."""

import io
import struct
import zlib
from collections.abc import Callable

import pikepdf
from pikepdf import Array, Dictionary, Name, Stream, String
from PIL import Image

#: Stands in every place where metadata may lie; no clean file may hold it.
CANARY = "KANARIEVOGEL"


def photo(size: tuple[int, int] = (640, 480), *, orientation: int = 6) -> bytes:
    """A JPEG as a phone makes it: GPS, camera, owner, thumbnail, comment, XMP, profile and a trailer."""
    exif = Image.Exif()
    exif[0x0112] = orientation
    exif[0x010F], exif[0x013B] = f"{CANARY} camera", f"{CANARY} owner"
    gps = exif.get_ifd(0x8825)
    gps[1], gps[2], gps[3], gps[4] = "N", (52.0, 4.0, 33.2), "E", (4.0, 19.0, 1.7)
    out = io.BytesIO()
    xmp = f"<x:xmpmeta>{CANARY} xmp</x:xmpmeta>".encode()
    picture(size).save(
        out, "JPEG", exif=exif, comment=f"{CANARY} comment".encode(), xmp=xmp, icc_profile=_profile()
    )
    return out.getvalue() + f"{CANARY} trailer".encode()


def png(size: tuple[int, int] = (320, 200)) -> bytes:
    """A PNG with text chunks."""
    from PIL.PngImagePlugin import PngInfo  # noqa: PLC0415 -- beside the one use

    told = PngInfo()
    told.add_text("Author", f"{CANARY} author")
    told.add_itxt("Place", f"{CANARY} place", zip=True)
    out = io.BytesIO()
    picture(size).convert("RGBA").save(out, "PNG", pnginfo=told)
    return out.getvalue()


def webp() -> bytes:
    """A moving WebP with XMP."""
    out = io.BytesIO()
    frames = [picture((120, 80)), Image.new("RGB", (120, 80), "white")]
    frames[0].save(out, "WEBP", save_all=True, append_images=frames[1:], duration=2000, xmp=CANARY.encode())
    return out.getvalue()


def picture(size: tuple[int, int]) -> Image.Image:
    """Something with edges, so that it can be known again."""
    made = Image.new("RGB", size, (180, 40, 40))
    made.paste((20, 60, 160), (0, 0, size[0] // 2, size[1] // 2))
    return made


def pdf(*changes: Callable[[pikepdf.Pdf], None], pages: int = 1, **saving: object) -> bytes:
    """A PDF with a line of text and a photo, changed as asked."""
    made = pikepdf.new()
    for _ in range(pages):
        made.add_blank_page(page_size=(300, 300))
        page = made.pages[-1]
        page.Contents = made.make_stream(
            b"BT /F1 12 Tf 20 250 Td (Zichtbare tekst) Tj ET q 128 0 0 96 20 130 cm /Im1 Do Q"
        )
        page.Resources = Dictionary(
            Font=Dictionary(F1=Dictionary(Type=Name.Font, Subtype=Name.Type1, BaseFont=Name.Helvetica)),
            XObject=Dictionary(Im1=_photo_in(made)),
        )
    for change in changes:
        change(made)
    out = io.BytesIO()
    made.save(out, **saving)  # type: ignore[arg-type]
    return out.getvalue()


def _photo_in(made: pikepdf.Pdf) -> Stream:
    return Stream(
        made,
        photo((64, 48)),
        Type=Name.XObject,
        Subtype=Name.Image,
        Width=64,
        Height=48,
        ColorSpace=Name.DeviceRGB,
        BitsPerComponent=8,
        Filter=Name.DCTDecode,
        Metadata=Stream(made, f"{CANARY} image xmp".encode()),
    )


def with_everything(made: pikepdf.Pdf) -> None:
    """Scripts, actions, a link, embedded files, information, XMP, a thumbnail, an outline, a form."""
    script = Dictionary(S=Name.JavaScript, JS=String(f"app.alert('{CANARY}')"))
    made.Root.OpenAction = script
    made.Root.AA = Dictionary(WC=script)
    made.docinfo["/Author"] = f"{CANARY} author"
    with made.open_metadata() as metadata:
        metadata["dc:creator"] = [f"{CANARY} creator"]
    made.attachments["bijlage.txt"] = f"{CANARY} file".encode()
    page = made.pages[0]
    page.AA = Dictionary(O=script)
    page.Thumb = Stream(made, f"{CANARY} thumb".encode())
    page.Eigen = String(f"{CANARY} own key")  # of no standard
    page.PieceInfo = Dictionary(App=Dictionary(Private=String(f"{CANARY} piece")))
    link = Dictionary(
        Type=Name.Annot,
        Subtype=Name.Link,
        Rect=Array([0, 0, 50, 50]),
        A=Dictionary(S=Name.URI, URI=String(f"https://{CANARY}.example/")),
    )
    page.Annots = made.make_indirect(Array([made.make_indirect(link)]))
    with made.open_outline() as outline:
        outline.root.append(pikepdf.OutlineItem(f"{CANARY} outline", 0))


def with_filled_field(made: pikepdf.Pdf) -> None:
    """A form field with an answer that must stay readable."""
    field = made.make_indirect(
        Dictionary(
            Type=Name.Annot,
            Subtype=Name.Widget,
            FT=Name.Tx,
            T=String("antwoord"),
            V=String("Ingevuld antwoord"),
            DA=String("/Helv 12 Tf 0 g"),
            Rect=Array([20, 100, 220, 120]),
        )
    )
    made.pages[0].Annots = Array([field])
    helvetica = Dictionary(Type=Name.Font, Subtype=Name.Type1, BaseFont=Name.Helvetica)
    made.Root.AcroForm = Dictionary(
        Fields=Array([field]), DR=Dictionary(Font=Dictionary(Helv=helvetica)), NeedAppearances=True
    )


def with_noise(noise: bytes) -> Callable[[pikepdf.Pdf], None]:
    """Show a picture of these bytes, a thousand to a line; it gets no smaller by packing."""

    def change(made: pikepdf.Pdf) -> None:
        rows = len(noise) // 1000
        image = Stream(made, b"", Type=Name.XObject, Subtype=Name.Image, ColorSpace=Name.DeviceGray)
        image.Width, image.Height, image.BitsPerComponent = 1000, rows, 8
        image.write(zlib.compress(noise[: rows * 1000], 0), filter=Name.FlateDecode)
        page = made.pages[0]
        page.Resources.XObject.Noise = made.make_indirect(image)
        page.Contents = made.make_stream(page.Contents.read_bytes() + b" q 90 0 0 90 10 10 cm /Noise Do Q")

    return change


def with_packed_bomb(made: pikepdf.Pdf) -> None:
    """A stream that unpacks to far more than it weighs."""
    packer = zlib.compressobj(9)
    packed = b"".join(packer.compress(bytes(1024 * 1024)) for _ in range(300)) + packer.flush()
    bomb = Stream(made, b"")
    bomb.write(packed, filter=Name.FlateDecode)
    made.pages[0].Contents = made.make_indirect(bomb)


def with_bomb_in_bomb(made: pikepdf.Pdf) -> None:
    """A stream that is packed twice."""
    bomb = Stream(made, b"")
    packed = zlib.compress(zlib.compress(bytes(1024)))
    bomb.write(packed, filter=Array([Name.FlateDecode, Name.FlateDecode]))
    made.pages[0].Contents = made.make_indirect(bomb)


def png_bomb(side: int = 30_000) -> bytes:
    """A few hundred kilobytes that unpack to gigabytes."""
    header = struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)
    packer = zlib.compressobj(9)
    row = bytes(1 + side * 3)
    data = b"".join(packer.compress(row) for _ in range(200)) + packer.flush()
    return _png(("IHDR", header), ("IDAT", data), ("IEND", b""))


def png_text_bomb() -> bytes:
    """A small picture whose comment unpacks to a hundred megabytes."""
    packed = zlib.compress(bytes(100 * 1024 * 1024), 9)
    header = struct.pack(">IIBBBBB", 1, 1, 8, 2, 0, 0, 0)
    text = ("zTXt", b"Comment\0\0" + packed)
    return _png(("IHDR", header), *([text] * 3), ("IDAT", zlib.compress(bytes(4))), ("IEND", b""))


def _png(*chunks: tuple[str, bytes]) -> bytes:
    out = bytearray(b"\x89PNG\r\n\x1a\n")
    for name, data in chunks:
        out += chunk(name, data)
    return bytes(out)


def chunk(name: str, data: bytes) -> bytes:
    """A part of a PNG, with its check."""
    body = name.encode() + data
    return struct.pack(">I", len(data)) + body + struct.pack(">I", zlib.crc32(body))


def zip_with(content: bytes = b"x") -> bytes:
    """A ZIP archive with one file."""
    import zipfile  # noqa: PLC0415 -- beside the one use

    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("x.class", content)
    return out.getvalue()


def _profile() -> bytes:
    from PIL import ImageCms  # noqa: PLC0415 -- beside the one use

    profile: bytes = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    return profile
