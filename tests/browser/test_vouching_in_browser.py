"""The page's own `vouching.js` and `common.vouching`: what one signs or pins the other believes."""

from common.contracts.codes import KeyGroup
from common.receipt import derive_receipt, mailbox_of, parse_key
from common.sealing import encode, generate_key_pair, seal_content
from common.vouching import (
    ReporterKeys,
    Signing,
    digest_of,
    mailbox_pin,
    new_signing_key,
    reply_statement,
    require_signed,
    succession_statement,
)

from tests.support.lab import Lab
from tests.support.municipality import vouched_key
from tests.support.reporting_point import TOWN

PLACE = {"municipality": TOWN, "compartment": "reply", "subject": "q"}


async def test_the_browser_signs_and_vouches_as_python_does(lab: Lab) -> None:
    first, second = Signing(new_signing_key()), Signing(new_signing_key())
    passed_on = first.sign(succession_statement(TOWN, second.public_key))
    signers = [
        {"publicKey": first.public_key, "signature": ""},
        {"publicKey": second.public_key, "signature": passed_on},
    ]
    key = vouched_key(TOWN, second, KeyGroup.GENERAL, "g-1", encode(generate_key_pair().public))
    receipt = derive_receipt(parse_key(encode(bytes(range(16)))))
    mailbox = mailbox_of(receipt)
    sealed = seal_content(b"antwoord", [], **PLACE)
    intake = Signing(new_signing_key())
    said = ReporterKeys(TOWN, "1", "public", "verify", digest_of(sealed))
    voucher = {"keyId": "v1", "verifyKey": "verify", "contentDigest": said.digest}
    outcomes = await lab.run(
        """
        const { pinKey, signingKey } = await receipt.mailboxOf(receipt.parseReceipt(given.receipt));
        const { town, key, signers, pin, sealed, voucher, intake, first } = given;
        const said = await vouching.replyStatement(town, "q", "r", sealed);
        const signature = await crypto.subtle.sign("Ed25519", signingKey, said);
        const tried = (...given) => refused(() => vouching.requirePinnedKey(...given));
        const reporter = (key, said, id) =>
            refused(() => vouching.requireReporter(town, "1", key, said, { [id]: intake }));
        return {
            signature: bytes.encode(new Uint8Array(signature)),
            digest: await vouching.digestOf(sealed),
            pinned: await tried(town, key, signers, pin, pinKey),
            other: await tried(town, { ...key, keyId: "g-2" }, signers, pin, pinKey),
            moved: await tried(town, { ...key, group: "restricted" }, signers, pin, pinKey),
            cut: await tried(town, key, signers.slice(0, 1), pin, pinKey),
            elsewhere: await tried("duinrade", key, signers, pin, pinKey),
            vault: await refused(() => vouching.requireGroupKey(town, key, signers, first)),
            nobody: await refused(() => vouching.requireGroupKey(town, key, signers, null)),
            empty: await refused(() => vouching.requireGroupKey(town, key, [], undefined)),
            reporter: await reporter("public", voucher, "v1"),
            forged: await reporter("theirs", voucher, "v1"),
            unknown: await reporter("public", voucher, "v2"),
            none: await reporter("public", null, "v1"),
            inherited: await reporter("public", { ...voucher, keyId: "constructor" }, "v1"),
        };
        """,
        town=TOWN,
        receipt=receipt,
        key=key.model_dump(mode="json", by_alias=True),
        signers=signers,
        first=first.public_key,
        pin=mailbox_pin(mailbox.pin_key, first.public_key, "general"),
        sealed=sealed.model_dump(mode="json", by_alias=True),
        intake=intake.public_key,
        voucher={**voucher, "signature": intake.sign(said.statement())},
    )
    signature = outcomes.pop("signature")
    require_signed(reply_statement(TOWN, "q", "r", sealed), signature, mailbox.signing.public_key)
    assert outcomes.pop("digest") == digest_of(sealed)
    allowed = {name for name, outcome in outcomes.items() if outcome == "opened"}
    assert allowed == {"pinned", "vault", "reporter"}
    assert {outcome for name, outcome in outcomes.items() if name not in allowed} == {"NotVouched"}
