"""What lies in a file beside the picture that a browser shows at first: it may not come in its place."""

import io

import pytest
from intake.files.kinds import FileKind, NotTaken
from intake.files.pictures import clean_picture
from PIL import Image

from tests.support.attempts import Attempts
from tests.support.files import chunk
from tests.support.several import BROKEN_PNGS, FLASHES, JPEGS, PNGS, SEEN, SIZE, WEBPS


def _kind(data: bytes) -> FileKind:
    if data.startswith(b"\x89PNG"):
        return FileKind.PNG
    return FileKind.WEBP if data.startswith(b"RIFF") else FileKind.JPEG


def _cleaned(data: bytes) -> Image.Image:
    with Image.open(io.BytesIO(clean_picture(data, _kind(data)))) as made:
        assert made.size == SIZE
        return made.convert("RGBA")


def _shows_another(image: Image.Image) -> bool:
    """Whether red shines through, anywhere: what was coded anew may lie a little beside its colour."""
    return max(image.getchannel("R").tobytes()) > 90


@pytest.mark.parametrize("what", PNGS)
def test_of_a_png_with_frames_what_is_seen_at_first_stays(attempts: Attempts, what: str) -> None:
    cleaned = _cleaned(PNGS[what])
    attempts.record("PNG with frames", succeeded=_shows_another(cleaned))
    assert cleaned.getpixel((SIZE[0] // 2, SIZE[1] // 2))[:3] == SEEN  # type: ignore[index]


def test_beside_a_small_frame_nothing_is_seen(attempts: Attempts) -> None:
    corner = _cleaned(PNGS["a small frame"]).crop((0, 0, SIZE[0], 12))
    attempts.record("PNG with a small frame", succeeded=any(corner.tobytes()))


@pytest.mark.parametrize("what", BROKEN_PNGS)
def test_a_png_against_the_rules_is_refused(attempts: Attempts, what: str) -> None:
    with pytest.raises(NotTaken) as refused:
        _cleaned(BROKEN_PNGS[what])
    attempts.record("PNG against the rules", succeeded=refused.value.reason != "damaged")


@pytest.mark.parametrize("what", FLASHES)
def test_a_flash_before_what_stays_is_refused(attempts: Attempts, what: str) -> None:
    with pytest.raises(NotTaken) as refused:
        _cleaned(FLASHES[what])
    attempts.record("flash", succeeded=refused.value.reason != "moving-picture")


@pytest.mark.parametrize("what", [*WEBPS, *JPEGS])
def test_of_a_webp_or_jpeg_no_other_picture_comes(attempts: Attempts, what: str) -> None:
    try:
        cleaned = _cleaned({**WEBPS, **JPEGS}[what])
    except NotTaken as refused:
        attempts.record("WebP or JPEG with more", succeeded=refused.reason != "damaged")
    else:
        attempts.record("WebP or JPEG with more", succeeded=_shows_another(cleaned))


def test_a_file_of_very_many_parts_is_not_looked_through() -> None:
    head = PNGS["two files"][:33]
    with pytest.raises(NotTaken) as refused:
        clean_picture(head + chunk("tEXt", b"") * 100_000, FileKind.PNG)
    assert refused.value.reason == "too-heavy"
