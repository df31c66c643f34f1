"""`common.sealing` and `common.receipt` against RFC 9180, against tampering, and against moving."""

from dataclasses import replace

import pytest
from common.receipt import WrongReceipt, derive_receipt, mailbox_of, parse_key, parse_receipt
from common.sealing import (
    CannotOpen,
    Context,
    Recipient,
    SealedContent,
    decode,
    encode,
    generate_key_pair,
    key_pair_of,
    open_content,
    open_sealed,
    pad,
    seal,
    seal_content,
    unpad,
    unwrap_private_key,
    wrap_private_key,
)
from hypothesis import given
from hypothesis import strategies as st

from tests.support.rfc9180 import PlainInfo, published

CONTEXT = Context("zandrecht", "question", "7f3c", "reporter")
INFO = PlainInfo("", "", "")
PLACE = {"municipality": "zandrecht", "compartment": "content", "subject": "7f3c"}


def test_the_published_vector_of_rfc_9180_opens() -> None:
    known = published()
    assert key_pair_of(known.recipient_private).public == known.recipient_public
    assert open_sealed(known.sealed, known.recipient_private, INFO) == known.plaintext


def test_what_is_sealed_to_the_published_key_opens_with_its_private_half_only() -> None:
    known = published()
    sealed = seal(b"iets", known.recipient_public, INFO)
    assert len(sealed) == len(b"iets") + 48
    assert open_sealed(sealed, known.recipient_private, INFO) == b"iets"
    with pytest.raises(CannotOpen):
        open_sealed(sealed, generate_key_pair().private, INFO)


@pytest.mark.parametrize("place", [0, 31, 32, -1])
def test_a_changed_byte_of_key_or_ciphertext_is_refused(place: int) -> None:
    pair = generate_key_pair()
    changed = bytearray(seal(b"iets", pair.public, CONTEXT))
    changed[place] ^= 1
    with pytest.raises(CannotOpen):
        open_sealed(bytes(changed), pair.private, CONTEXT)


@pytest.mark.parametrize("length", [0, 31, 32, 47])
def test_what_is_cut_off_is_refused(length: int) -> None:
    pair = generate_key_pair()
    with pytest.raises(CannotOpen):
        open_sealed(seal(b"", pair.public, CONTEXT)[:length], pair.private, CONTEXT)


@pytest.mark.parametrize("part", ["municipality", "compartment", "subject", "key_id"])
def test_a_ciphertext_cannot_be_moved_to_another_place(part: str) -> None:
    pair = generate_key_pair()
    sealed = seal(b"iets", pair.public, CONTEXT)
    with pytest.raises(CannotOpen):
        open_sealed(sealed, pair.private, replace(CONTEXT, **{part: "anders"}))


def test_no_two_contexts_share_their_bytes() -> None:
    assert Context("a", 'b","c', "d").info() != Context("a", "b", 'c","d').info()
    assert Context("é", "b", "c").info() == '["vermoeden/v1","é","b","c",""]'.encode()


@pytest.mark.parametrize("part", sorted(PLACE))
def test_a_content_cannot_be_moved_either(part: str) -> None:
    pair = generate_key_pair()
    sealed = seal_content(b"verhaal", [Recipient("general", "g-1", pair.public)], **PLACE)
    assert open_content(sealed, "g-1", pair.private, **PLACE) == b"verhaal"
    with pytest.raises(CannotOpen):
        open_content(sealed, "g-1", pair.private, **{**PLACE, part: "anders"})


def test_each_group_opens_with_its_own_wrap_and_no_other() -> None:
    first, second = generate_key_pair(), generate_key_pair()
    readers = [Recipient("general", "g-1", first.public), Recipient("restricted", "r-1", second.public)]
    sealed = seal_content(b"verhaal", readers, **PLACE)
    assert open_content(sealed, "r-1", second.private, **PLACE) == b"verhaal"
    swapped = sealed.model_copy(
        update={"wraps": (sealed.wraps[0].model_copy(update={"key_id": "r-1"}), sealed.wraps[1])}
    )
    for changed, key_id, pair in ((sealed, "g-1", second), (swapped, "r-1", first), (sealed, "x-1", first)):
        with pytest.raises(CannotOpen):
            open_content(changed, key_id, pair.private, **PLACE)


def test_a_changed_content_is_refused() -> None:
    pair = generate_key_pair()
    sealed = seal_content(b"verhaal", [Recipient("general", "g-1", pair.public)], **PLACE)
    for name in ("ciphertext", "nonce"):
        raw = bytearray(decode(getattr(sealed, name)))
        raw[0] ^= 1
        changed = SealedContent.model_validate({**sealed.model_dump(), name: encode(bytes(raw))})
        with pytest.raises(CannotOpen):
            open_content(changed, "g-1", pair.private, **PLACE)


@given(st.binary(max_size=40_000))
def test_padding_hides_the_length_and_gives_the_content_back(content: bytes) -> None:
    padded = pad(content)
    assert len(padded) in {4096, 8192} or len(padded) % 16384 == 0
    assert unpad(padded) == content


def test_what_has_no_end_mark_is_no_padding() -> None:
    for wrong in (b"", bytes(4096), b"\x80\x01"):
        with pytest.raises(ValueError, match="padding"):
            unpad(wrong)


def test_a_private_key_comes_back_with_its_passphrase_only() -> None:
    context, private = Context("zandrecht", "person-key", "1"), generate_key_pair().private
    signer = generate_key_pair().public
    wrapped = wrap_private_key(private, signer, "molen-kade-schip", context)
    assert (wrapped.memory_kib, wrapped.passes) == (64 * 1024, 3)
    assert unwrap_private_key(wrapped, "molen-kade-schip", context) == (private, signer)
    with pytest.raises(CannotOpen):
        unwrap_private_key(wrapped, "molen-kade-schop", context)
    with pytest.raises(CannotOpen):
        unwrap_private_key(wrapped, "molen-kade-schip", replace(context, subject="2"))


@given(st.binary(min_size=16, max_size=64))
def test_a_receipt_survives_how_people_copy_it(key: bytes) -> None:
    receipt = derive_receipt(parse_key(encode(key)))
    assert receipt == derive_receipt(parse_key(encode(key)))
    typed = receipt.lower().replace("-", " ").replace("0", "o").replace("1", "l")
    assert parse_receipt(typed) == receipt


def test_a_slip_in_a_receipt_is_found_and_named() -> None:
    receipt = derive_receipt(parse_key(encode(bytes(16))))
    other = "2" if receipt[3] != "2" else "3"
    for wrong, reason in (
        (receipt[:3] + other + receipt[4:], "check"),
        (receipt[:-1], "length"),
        (receipt[:3] + "U" + receipt[4:], "character"),
    ):
        with pytest.raises(WrongReceipt, match=reason):
            parse_receipt(wrong)
    assert mailbox_of(receipt).lookup_id not in receipt
