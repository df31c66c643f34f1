"""Who vouches for a public key: chains of signers, pins, and what a signature is about."""

import pytest
from common.contracts.codes import KeyGroup
from common.contracts.gateway import GroupKey, Signer
from common.receipt import derive_receipt, mailbox_of
from common.sealing import Recipient, encode, generate_key_pair, seal_content
from common.vouching import (
    NotVouched,
    ReporterKeys,
    Signing,
    current_signer,
    digest_of,
    mailbox_pin,
    new_signing_key,
    require_group_key,
    require_pinned_key,
    require_protections,
    require_signed,
    succession_statement,
)

from tests.support.municipality import protecting, vouched_key

TOWN = "veldstad"
FIRST, SECOND, THIRD, OTHER = (Signing(new_signing_key()) for _ in range(4))


def signer(own: Signing, before: Signing | None = None, town: str = TOWN) -> Signer:
    signature = before.sign(succession_statement(town, own.public_key)) if before else ""
    return Signer(public_key=own.public_key, signature=signature)


CHAIN = (signer(FIRST), signer(SECOND, FIRST), signer(THIRD, SECOND))


@pytest.mark.parametrize("pinned", [None, FIRST, SECOND, THIRD])
def test_the_last_of_a_chain_counts_from_wherever_it_was_pinned(pinned: Signing | None) -> None:
    assert current_signer(TOWN, CHAIN, pinned.public_key if pinned else None) == THIRD.public_key


def test_what_came_before_the_pin_counts_no_longer() -> None:
    broken = (signer(OTHER), signer(SECOND), signer(THIRD, SECOND))
    assert current_signer(TOWN, broken, SECOND.public_key) == THIRD.public_key
    with pytest.raises(NotVouched, match="signer-not-signed"):
        current_signer(TOWN, broken)


@pytest.mark.parametrize(
    ("chain", "code"),
    [
        ((), "no-signer"),
        ((signer(OTHER),), "other-signer"),
        ((*CHAIN, signer(OTHER)), "signer-not-signed"),
        ((*CHAIN, signer(OTHER, OTHER)), "signer-not-signed"),
        ((*CHAIN, signer(OTHER, FIRST)), "signer-not-signed"),
        ((*CHAIN, signer(OTHER, THIRD, "duinrade")), "signer-not-signed"),
        ((CHAIN[0], CHAIN[2]), "signer-not-signed"),
        ((*CHAIN, Signer(public_key="é", signature="=")), "signer-not-signed"),
    ],
)
def test_a_chain_that_does_not_hold_is_refused(chain: tuple[Signer, ...], code: str) -> None:
    with pytest.raises(NotVouched, match=code):
        current_signer(TOWN, chain, FIRST.public_key)


def test_a_signature_is_for_one_key_of_one_group_of_one_municipality() -> None:
    key = vouched_key(TOWN, FIRST, KeyGroup.GENERAL, "g-1", encode(generate_key_pair().public))
    require_group_key(TOWN, key, FIRST.public_key)
    changes: tuple[dict[str, str], ...] = (
        {"group": KeyGroup.RESTRICTED},
        {"key_id": "g-2"},
        {"public_key": encode(generate_key_pair().public)},
        {"signature": ""},
        {"signature": "é"},
    )
    wrong = [(TOWN, key.model_copy(update=change), FIRST.public_key) for change in changes]
    wrong += [("duinrade", key, FIRST.public_key), (TOWN, key, SECOND.public_key), (TOWN, key, "kort")]
    for municipality, changed, by in wrong:
        with pytest.raises(NotVouched):
            require_group_key(municipality, changed, by)


def test_what_protects_is_signed_whole_and_for_one_municipality() -> None:
    said = protecting(TOWN, FIRST, text_in_clear=False, restricted_types=("wiet", "druk"))
    require_protections(TOWN, said, FIRST.public_key)
    changes: tuple[dict[str, object], ...] = (
        {"text_in_clear": True},
        {"restricted_types": None},
        {"restricted_types": ()},
        {"restricted_types": ("wiet",)},
        {"restricted_types": ("wiet,druk",)},
        {"signature": ""},
    )
    wrong = [(TOWN, said.model_copy(update=change), FIRST.public_key) for change in changes]
    wrong += [("duinrade", said, FIRST.public_key), (TOWN, said, SECOND.public_key)]
    for municipality, changed, by in wrong:
        with pytest.raises(NotVouched):
            require_protections(municipality, changed, by)


def test_a_mailbox_takes_a_key_that_follows_from_its_pin_only() -> None:
    mailbox, other = (mailbox_of(derive_receipt(each * 22)) for each in (b"a", b"b"))
    key = vouched_key(TOWN, THIRD, KeyGroup.GENERAL, "g-1", encode(generate_key_pair().public))
    pin = mailbox_pin(mailbox.pin_key, FIRST.public_key, "general")
    require_pinned_key(TOWN, key, CHAIN, pin, mailbox.pin_key)
    by_first = vouched_key(TOWN, FIRST, KeyGroup.GENERAL, "g-1", key.public_key)
    moved = vouched_key(TOWN, THIRD, KeyGroup.RESTRICTED, "r-1", key.public_key)
    wrong: tuple[tuple[GroupKey, str, bytes], ...] = (
        (key, pin, other.pin_key),
        (key, "", mailbox.pin_key),
        (key, mailbox_pin(mailbox.pin_key, OTHER.public_key, "general"), mailbox.pin_key),
        (moved, pin, mailbox.pin_key),
        (by_first, pin, mailbox.pin_key),
    )
    for changed, its_pin, pin_key in wrong:
        with pytest.raises(NotVouched):
            require_pinned_key(TOWN, changed, CHAIN, its_pin, pin_key)


def test_a_digest_is_of_the_content_and_not_of_its_wraps() -> None:
    pair = generate_key_pair()
    place = {"municipality": TOWN, "compartment": "content", "subject": "1"}
    sealed = seal_content(b"verhaal", [Recipient("general", "g-1", pair.public)], **place)
    assert digest_of(sealed) == digest_of(sealed.model_copy(update={"wraps": ()}))
    assert digest_of(sealed) != digest_of(seal_content(b"verhaal", [], **place))


def test_intakes_word_is_for_all_that_it_names() -> None:
    keys = ReporterKeys(TOWN, "1", "public", "verify", "digest")
    signature = FIRST.sign(keys.statement())
    require_signed(keys.statement(), signature, FIRST.public_key)
    for at in range(5):
        parts = [TOWN, "1", "public", "verify", "digest"]
        parts[at] += "x"
        with pytest.raises(NotVouched):
            require_signed(ReporterKeys(*parts).statement(), signature, FIRST.public_key)
