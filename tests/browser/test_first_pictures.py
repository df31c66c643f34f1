"""Of a file with several pictures, Chromium shows the same one before cleaning and after it."""

import base64
import io

import pytest
from intake.files.kinds import FileKind
from intake.files.pictures import clean_picture
from PIL import Image, ImageChops
from playwright.async_api import Browser, Page

from tests.support import several
from tests.support.several import SIZE

_GIVEN = {
    **{f"PNG: {what}": (FileKind.PNG, data) for what, data in several.PNGS.items()},
    **{
        f"WebP: {what}": (FileKind.WEBP, several.WEBPS[what])
        for what in ("two frames", "one frame", "two files")
    },
    **{f"JPEG: {what}": (FileKind.JPEG, several.JPEGS[what]) for what in ("two pictures (MPF)", "two files")},
}
#: What coding anew may change in a sample.
_LITTLE = 3


async def _shown(page: Page, kind: FileKind, data: bytes) -> Image.Image:
    address = f"data:{kind.value};base64,{base64.b64encode(data).decode('ascii')}"
    await page.set_content(f'<body style="margin:0; background:#888"><img src="{address}">')
    assert await page.evaluate("document.images[0].decode().then(() => document.images[0].naturalWidth)")
    clip = {"x": 0, "y": 0, "width": SIZE[0], "height": SIZE[1]}
    shot = await page.screenshot(clip=clip)  # type: ignore[arg-type]
    with Image.open(io.BytesIO(shot)) as image:
        return image.convert("RGB")


@pytest.mark.parametrize("what", _GIVEN)
async def test_a_browser_shows_the_same_picture_of_a_clean_file(browser: Browser, what: str) -> None:
    kind, data = _GIVEN[what]
    page = await browser.new_page()
    try:
        given = await _shown(page, kind, data)
        cleaned = await _shown(page, kind, clean_picture(data, kind))
    finally:
        await page.close()
    assert max(ImageChops.difference(given, cleaned).tobytes()) <= _LITTLE
