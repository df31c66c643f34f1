"""Forms with files as they come: the same parts however the body is cut, and a named refusal of all else."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from common.errors import Malformed
from common.multipart import Field, FileEnd, FilePiece, FileStart, boundary_of, parts_of
from hypothesis import given, settings
from hypothesis import strategies as st

BOUNDARY = b"grens"
FORM = (
    b'--grens\r\nContent-Disposition: form-data; name="type"\r\n\r\nhenn\xc3\xa9p\r\n'
    b'--grens\r\nContent-Disposition: form-data; name="files"; filename="a b.jpg"\r\n'
    b"Content-Type: image/jpeg\r\n\r\n\xff\xd8\r\n--gren\r\n\x00--grens not yet\r\n"
    b'--grens\r\nContent-Disposition: form-data; name="files"; filename=""\r\n\r\n\r\n'
    b"--grens--\r\n"
)


_FIELD = b'--grens\r\nContent-Disposition: form-data; name="a"\r\n\r\n'


async def cut(body: bytes, step: int) -> AsyncIterator[bytes]:
    for at in range(0, len(body), step):
        yield body[at : at + step]


def read(body: bytes, step: int = 1 << 20) -> list[object]:
    """The parts, with the pieces of one file put together."""

    async def collect() -> list[object]:
        found: list[object] = []
        async for part in parts_of(cut(body, step), BOUNDARY):
            if isinstance(part, FilePiece) and isinstance(found[-1], bytes):
                found[-1] += part.content
            else:
                found.append(part.content if isinstance(part, FilePiece) else part)
        return found

    return asyncio.run(collect())


@given(st.integers(1, len(FORM)))
@settings(max_examples=60, deadline=None)
def test_a_form_has_the_same_parts_however_it_is_cut(step: int) -> None:
    assert read(FORM, step) == [
        Field("type", "hennép"),
        FileStart("files", "a b.jpg", "image/jpeg"),
        b"\xff\xd8\r\n--gren\r\n\x00--grens not yet",
        FileEnd(),
        FileStart("files", "", ""),
        FileEnd(),
    ]


@given(
    places=st.lists(st.tuples(st.integers(0, len(FORM)), st.binary(max_size=5)), max_size=6),
    end=st.integers(0, len(FORM)),
    step=st.integers(1, 64),
)
@settings(max_examples=300, deadline=None)
def test_a_hurt_form_is_read_or_refused_by_name(places: list[tuple[int, bytes]], end: int, step: int) -> None:
    hurt = bytearray(FORM)
    for at, put in places:
        hurt[at : at + len(put)] = put
    try:
        read(bytes(hurt[:end]), step)
    except Malformed as error:
        assert error.detail  # noqa: PT017 -- either outcome is right


@given(st.binary(max_size=300))
@settings(max_examples=200, deadline=None)
def test_bytes_of_any_kind_are_refused_by_name(body: bytes) -> None:
    with pytest.raises(Malformed):
        read(body, 7)


@pytest.mark.parametrize(
    "body",
    [
        FORM[:-10],
        _FIELD + b"\xff\r\n--grens--\r\n",
        b"--grens\r\nX-Long: " + b"x" * 5000 + b"\r\n\r\n\r\n--grens--\r\n",
        b'--grens\r\nContent-Disposition: form-data; name="a"\r\n\r\n'
        + b"x" * 300_000
        + b"\r\n--grens--\r\n",
        (_FIELD + b"\r\n") * 501 + b"--grens--\r\n",
    ],
    ids=["cut off", "not UTF-8", "long header", "long fields", "many parts"],
)
def test_what_is_too_much_or_cut_off_is_refused(body: bytes) -> None:
    with pytest.raises(Malformed):
        read(body)


@pytest.mark.parametrize(
    ("content_type", "boundary"),
    [
        ("multipart/form-data; boundary=grens", b"grens"),
        ('Multipart/Form-Data; boundary="a b"', b"a b"),
        ("image/jpeg", None),
        ("", None),
    ],
)
def test_a_boundary_is_read_from_the_type(content_type: str, boundary: bytes | None) -> None:
    assert boundary_of(content_type) == boundary


@pytest.mark.parametrize("options", ["", "; boundary=", "; boundary=" + "x" * 300])
def test_a_form_without_a_usable_boundary_is_refused(options: str) -> None:
    with pytest.raises(Malformed):
        boundary_of(f"multipart/form-data{options}")
