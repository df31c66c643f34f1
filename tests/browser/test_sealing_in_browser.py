"""The page's own modules and `common.sealing`: what one seals the other opens, both ways, and no more."""

import json
from functools import partial
from uuid import uuid4

import pytest
from common.receipt import derive_receipt, mailbox_of, parse_key
from common.sealing import (
    Context,
    KeyPair,
    Recipient,
    SealedContent,
    decode,
    encode,
    generate_key_pair,
    open_content,
    open_text,
    seal,
    seal_content,
    seal_text,
    wrap_private_key,
)
from playwright.async_api import Page, Route

from tests.support.lab import Lab
from tests.support.reporting_point import TOWN
from tests.support.rfc9180 import published

CONTEXT = Context(TOWN, "question", "7f3c", "reporter")
PLACE = {"municipality": TOWN, "compartment": "content", "subject": "7f3c"}
#: Lengths around the buckets, and letters of one to four bytes.
TEXTS = ["", "é€𝄞 gewone tekst", "a" * 4095, "a" * 4096, "b" * 16_384]


def place_of(context: Context) -> list[str]:
    """A context as the modules take it."""
    return [context.municipality, context.compartment, context.subject, context.key_id]


async def test_the_browser_opens_and_makes_the_published_vector_of_rfc_9180(lab: Lab) -> None:
    known = published()
    made = await lab.run(
        """
        const own = await hpke.keyPair(bytes.decode(given.private));
        const opened = await hpke.open(bytes.decode(given.sealed), own, bytes.decode(given.info));
        const ephemeral = await hpke.keyPair(bytes.decode(given.ephemeral));
        const publicKey = await crypto.subtle.importKey("raw", ephemeral.publicKey, "X25519", true, []);
        const generate = crypto.subtle.generateKey;
        crypto.subtle.generateKey = async () => ({ privateKey: ephemeral.privateKey, publicKey });
        const sealed = await hpke.seal(opened, own.publicKey, bytes.decode(given.info));
        crypto.subtle.generateKey = generate;
        return [own.publicKey, opened, sealed].map(bytes.encode);
        """,
        private=encode(known.recipient_private),
        ephemeral=encode(known.ephemeral_private),
        info=encode(known.info),
        sealed=encode(known.sealed),
    )
    assert [decode(each) for each in made] == [known.recipient_public, known.plaintext, known.sealed]


@pytest.mark.parametrize("text", TEXTS, ids=lambda text: f"{len(text)}")
async def test_python_seals_and_the_browser_opens(lab: Lab, text: str) -> None:
    pair = generate_key_pair()
    sealed = seal_content(text.encode(), [Recipient("general", "g-1", pair.public)], **PLACE)
    opened = await lab.run(
        """
        const own = await sealing.keyPair(bytes.decode(given.private));
        const question = await sealing.openText(given.question, own, sealing.context(...given.context));
        const content = await sealing.openContent(given.sealed, new Map([["g-1", own]]), ...given.place);
        return [bytes.text(question), bytes.text(content)];
        """,
        private=encode(pair.private),
        question=encode(seal_text(text, pair.public, CONTEXT)),
        context=place_of(CONTEXT),
        sealed=sealed.model_dump(mode="json", by_alias=True),
        place=list(PLACE.values()),
    )
    assert opened == [text, text]


@pytest.mark.parametrize("text", TEXTS, ids=lambda text: f"{len(text)}")
async def test_the_browser_seals_and_python_opens(lab: Lab, text: str) -> None:
    pair = generate_key_pair()
    made = await lab.run(
        """
        const recipient = { group: "general", keyId: "g-1", publicKey: given.public };
        return {
            question: await sealing.sealText(given.text, given.public, sealing.context(...given.context)),
            content: await sealing.sealContent(given.text, recipient, ...given.place),
        };
        """,
        public=encode(pair.public),
        text=text,
        context=place_of(CONTEXT),
        place=list(PLACE.values()),
    )
    assert open_text(decode(made["question"]), pair.private, CONTEXT) == text
    content = SealedContent.model_validate(made["content"])
    assert open_content(content, "g-1", pair.private, **PLACE).decode() == text
    in_python = seal_content(text.encode(), [Recipient("general", "g-1", pair.public)], **PLACE)
    assert len(content.ciphertext) == len(in_python.ciphertext)


async def test_the_browser_refuses_what_was_moved_changed_or_is_not_for_this_key(lab: Lab) -> None:
    pair = generate_key_pair()
    sealed = seal_content(b"verhaal", [Recipient("general", "g-1", pair.public)], **PLACE)
    outcomes = await lab.run(
        """
        const own = await sealing.keyPair(bytes.decode(given.private));
        const other = await sealing.keyPair(bytes.decode(given.other));
        const keys = new Map([["g-1", own]]);
        const flipped = (coded, at) => {
            const raw = bytes.decode(coded);
            raw[at < 0 ? raw.length + at : at] ^= 1;
            return bytes.encode(raw);
        };
        const open = (sealed, pair = own, place = given.context) =>
            refused(() => sealing.openSealed(sealed, pair, sealing.context(...place)));
        const openContent = (sealed, held = keys, place = given.place) =>
            refused(() => sealing.openContent(sealed, held, ...place));
        const [wrap] = given.sealed.wraps;
        const flippedWrap = { ...wrap, wrappedKey: flipped(wrap.wrappedKey, 50) };
        return {
            whole: await open(given.question),
            wholeContent: await openContent(given.sealed),
            otherKey: await open(given.question, other),
            flippedKey: await open(flipped(given.question, 0)),
            flippedText: await open(flipped(given.question, -1)),
            cut: await open(bytes.encode(bytes.decode(given.question).slice(0, 40))),
            ...Object.fromEntries(await Promise.all(given.context.map(async (_, at) =>
                [`context${at}`, await open(given.question, own, given.context.with(at, "anders"))]))),
            ...Object.fromEntries(await Promise.all(given.place.map(async (_, at) =>
                [`place${at}`, await openContent(given.sealed, keys, given.place.with(at, "anders"))]))),
            noWrap: await openContent(given.sealed, new Map([["r-1", own]])),
            wrongWrap: await openContent(given.sealed, new Map([["g-1", other]])),
            content: await openContent({ ...given.sealed, ciphertext: flipped(given.sealed.ciphertext, 0) }),
            wrap: await openContent({ ...given.sealed, wraps: [flippedWrap] }),
        };
        """,
        private=encode(pair.private),
        other=encode(generate_key_pair().private),
        question=encode(seal(b"vraag", pair.public, CONTEXT)),
        context=place_of(CONTEXT),
        sealed=sealed.model_dump(mode="json", by_alias=True),
        place=list(PLACE.values()),
    )
    assert (outcomes.pop("whole"), outcomes.pop("wholeContent")) == ("opened", "opened")
    assert len(outcomes) == 15
    assert set(outcomes.values()) == {"CannotOpen"}, outcomes


async def test_a_receipt_opens_the_same_mailbox_in_python_and_in_the_browser(lab: Lab) -> None:
    receipts = [derive_receipt(parse_key(encode(bytes([number]) * 16))) for number in range(8)]
    found = await lab.run(
        """
        return Promise.all(given.typed.map(async (typed) => {
            const { lookupId, pair } = await receipt.mailboxOf(receipt.parseReceipt(typed));
            return [lookupId, bytes.encode(pair.publicKey)];
        }));
        """,
        typed=[receipt.lower().replace("-", " ").replace("0", "o") for receipt in receipts],
    )
    mailboxes = [mailbox_of(receipt) for receipt in receipts]
    assert found == [[mailbox.lookup_id, encode(mailbox.public_key)] for mailbox in mailboxes]


async def test_the_browser_knows_a_wrong_receipt_as_python_does(lab: Lab) -> None:
    receipt = derive_receipt(parse_key(encode(bytes(16))))
    slip = receipt[:3] + ("2" if receipt[3] != "2" else "3") + receipt[4:]
    wrong = ["", slip, receipt[:-1], receipt + "0", receipt[:3] + "U" + receipt[4:], "ÅÅÅÅÅ" + receipt[5:]]
    assert await lab.run("return given.typed.map(receipt.parseReceipt);", typed=wrong) == [None] * len(wrong)


async def test_a_vault_wrapped_in_python_opens_in_the_browser_with_its_passphrase_only(lab: Lab) -> None:
    own, group, person = generate_key_pair(), generate_key_pair(), str(uuid4())
    await answer_with_vault(lab.page, own, group, person, "molen-kade-schip-é")
    outcomes = await lab.run(
        """
        const wrong = new vault.Vault("theirs");
        const told = await refused(() => wrong.unlock("molen-kade-schip-e"));
        const right = new vault.Vault("theirs");
        await right.unlock("molen-kade-schip-é");
        const held = right.keys.get("g-1");
        const opened = await sealing.openSealed(given.sealed, held, sealing.context(...given.context));
        const exported = await refused(() => crypto.subtle.exportKey("pkcs8", held.privateKey));
        const pinned = right.signer;
        right.lock();
        const locked = !right.isOpen;
        return { told, wrong: wrong.isOpen, opened: bytes.text(opened), exported, pinned, locked };
        """,
        sealed=encode(seal(b"verhaal", group.public, CONTEXT)),
        context=place_of(CONTEXT),
    )
    assert outcomes == {
        "told": "CannotOpen",
        "wrong": False,
        "opened": "verhaal",
        "exported": "DOMException",
        "pinned": encode(bytes(32)),
        "locked": True,
    }


async def answer_with_vault(page: Page, own: KeyPair, group: KeyPair, person: str, passphrase: str) -> None:
    """Let the page's next fetches of its session and its vault get these, as the gateway would answer."""
    wrapped = wrap_private_key(own.private, bytes(32), passphrase, Context(TOWN, "person-key", person))
    wrap = seal(group.private, own.public, Context(TOWN, "group-key", "general", "g-1"))
    body = {
        "municipality": TOWN,
        "person": person,
        "publicKey": encode(own.public),
        "wrappedPrivateKey": wrapped.model_dump(mode="json", by_alias=True),
        "groups": [{"group": "general", "keyId": "g-1", "wrappedKey": encode(wrap)}],
    }
    for path, answer in (("vault", body), ("sessions/current", {"csrfToken": "theirs"})):
        fulfil = partial(Route.fulfill, status=200, content_type="application/json", body=json.dumps(answer))
        await page.route(f"**/api/v1/{path}", fulfil)
