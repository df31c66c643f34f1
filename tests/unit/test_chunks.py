"""Sealing in chunks: what was sealed opens again, and nothing that was touched does."""

from collections.abc import Callable

import pytest
from common.chunks import CHUNK_BYTES, TAG_BYTES, ChunkOpener, ChunkSealer, new_content_key, sealed_bytes
from common.sealing import CannotOpen, Context
from hypothesis import given, settings
from hypothesis import strategies as st

PLACE = Context("zandrecht", "attachment", "1")
_SIZES = st.sampled_from([0, 1, CHUNK_BYTES - 1, CHUNK_BYTES, CHUNK_BYTES + 1, 3 * CHUNK_BYTES, 200_000])


def seal(plain: bytes, key: bytes, step: int = 1 << 20, place: Context = PLACE) -> bytes:
    sealer = ChunkSealer(key, place)
    fed = b"".join(sealer.feed(plain[at : at + step]) for at in range(0, len(plain), step))
    return fed + sealer.finish()


def unseal(sealed: bytes, key: bytes, step: int = 1 << 20, place: Context = PLACE) -> bytes:
    opener = ChunkOpener(key, place)
    fed = b"".join(opener.feed(sealed[at : at + step]) for at in range(0, len(sealed), step))
    return fed + opener.finish()


@given(size=_SIZES, step=st.integers(1_000, 150_000), other=st.integers(1_000, 150_000))
@settings(max_examples=40, deadline=None)
def test_what_is_sealed_opens_again_in_whatever_pieces_it_comes(size: int, step: int, other: int) -> None:
    key, plain = new_content_key(), bytes(index % 251 for index in range(size))
    sealed = seal(plain, key, step)
    assert len(sealed) == sealed_bytes(size)
    assert unseal(sealed, key, other) == plain


_CHUNK = CHUNK_BYTES + TAG_BYTES


@pytest.mark.parametrize(
    "touch",
    [
        pytest.param(lambda s: s[: 8 + 2 * _CHUNK], id="last chunk cut off"),
        pytest.param(lambda s: s[:-1], id="last byte cut off"),
        pytest.param(lambda s: s + b"x", id="appended"),
        pytest.param(lambda s: s[: 8 + _CHUNK] + s[8 + 2 * _CHUNK :], id="chunk left out"),
        pytest.param(
            lambda s: s[:8] + s[8 + _CHUNK : 8 + 2 * _CHUNK] + s[8 : 8 + _CHUNK] + s[8 + 2 * _CHUNK :],
            id="chunks swapped",
        ),
        pytest.param(lambda s: s[:500] + bytes([s[500] ^ 1]) + s[501:], id="bit flipped"),
        pytest.param(lambda s: s[:3] + bytes([s[3] ^ 1]) + s[4:], id="prefix changed"),
        pytest.param(lambda s: b"\x02" + s[1:], id="other version"),
        pytest.param(lambda _: b"", id="empty"),
    ],
)
def test_whatever_was_touched_does_not_open(touch: Callable[[bytes], bytes]) -> None:
    key = new_content_key()
    sealed = seal(bytes(2 * CHUNK_BYTES + 100), key)
    with pytest.raises(CannotOpen):
        unseal(touch(sealed), key)


def test_a_file_cannot_be_moved_to_another_place_or_opened_with_another_key() -> None:
    key = new_content_key()
    sealed = seal(b"inhoud", key)
    with pytest.raises(CannotOpen):
        unseal(sealed, key, place=Context("elders", "attachment", "1"))
    with pytest.raises(CannotOpen):
        unseal(sealed, new_content_key())
