"""What reporters do at their mailbox, and what staff does with deliveries."""

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from common.auth import Identity
from common.coarse import coarse_now
from common.contracts.codes import FeedbackKey, Role
from common.contracts.notifier import ReplyGiven
from common.db import Database, count_alone
from common.errors import AppError, FieldError, Malformed, NotFound
from common.messaging import publish
from common.sealing import SealedContent
from common.vouching import NotVouched, reply_statement, require_signed
from sqlalchemy import RowMapping

from notifier import domain, store
from notifier.delivery.texts import notice_text


class UnknownReceipt(NotFound):
    """No mailbox of this municipality has this look-up id."""

    code = "unknown-receipt"
    title = "There is no mailbox behind this receipt"
    fix = (
        "Bij deze code hoort geen postvak. Kijk haar na, of wacht even als u net heeft gemeld.",
        "There is no mailbox behind this receipt. Check it, or wait a little if you reported just now.",
    )


class TooManyReplies(AppError):
    """A question takes a bounded number of replies."""

    code = "too-many-replies"
    title = "This question has been answered often enough"
    fix = (
        "Op deze vraag is al zo vaak geantwoord als kan. Wacht op een nieuwe vraag.",
        "This question has as many replies as it takes. Wait for a new question.",
    )


async def search_mailbox(database: Database, identity: Identity, lookup_id: str) -> dict[str, Any]:
    """What a mailbox holds; who knows its look-up id may see it. A fresh one may take a second to appear."""
    async with database.tenant(identity.municipality) as connection:
        mailbox = await store.find_mailbox(connection, lookup_id)
        if mailbox is None:
            raise _unknown()
        notices = await store.notices_of(connection, mailbox["reporter_handle"])
        questions = await store.questions_of(connection, mailbox["reporter_handle"])
    return {
        "municipality": identity.municipality,
        "language": mailbox["language"],
        "signerPin": mailbox["signer_pin"],
        "notices": [_notice_json(notice) for notice in notices],
        "questions": [_question_json(question) for question in questions],
    }


async def reply_to_question(
    database: Database,
    identity: Identity,
    lookup_id: str,
    question_id: UUID,
    reply_id: UUID,
    sealed: SealedContent,
    signature: str,
) -> None:
    """Pass a sealed reply on to casework; the same reply twice is one reply. Nothing of it stays here.

    Who knows the look-up id only, and not the receipt, cannot sign it: `Malformed`.
    """
    async with database.tenant(identity.municipality) as connection:
        mailbox = await store.find_mailbox(connection, lookup_id)
        if mailbox is None:
            raise _unknown()
        await count_alone(connection, f"replies of {mailbox['reporter_handle']}")
        questions = await store.questions_of(connection, mailbox["reporter_handle"])
        question = next((each for each in questions if each["id"] == question_id), None)
        if question is None:
            raise _wrong(
                "/questionId", "unknown-question", "Deze vraag is u niet gesteld.", "Not your question."
            )
        _require_key(sealed, question)
        _require_receipt(
            reply_statement(identity.municipality, str(question_id), str(reply_id), sealed),
            signature,
            mailbox["verify_key"],
        )
        now = coarse_now()
        if not await store.add_reply(connection, identity.municipality, question_id, reply_id, now):
            return
        if question["replies"] >= domain.MAX_REPLIES:
            raise TooManyReplies(f"A question takes {domain.MAX_REPLIES} replies.")
        reply = ReplyGiven(
            municipality=identity.municipality,
            reporter_handle=mailbox["reporter_handle"],
            question_id=question_id,
            reply_id=reply_id,
            sealed_reply=sealed,
            signature=signature,
            given_at=now,
        )
        await publish(connection, reply)


async def list_deliveries(
    database: Database, identity: Identity, state: str | None, limit: int
) -> Sequence[Mapping[str, Any]]:
    """The newest deliveries without addresses, for who watches over them."""
    identity.require(Role.PROCESS_MANAGER, Role.ADMINISTRATOR)
    async with database.tenant(identity.municipality) as connection:
        return await store.list_deliveries(connection, state, limit)


async def restart_delivery(database: Database, identity: Identity, delivery_id: UUID) -> None:
    """Let a failed mail to a reporter begin anew."""
    identity.require(Role.PROCESS_MANAGER, Role.ADMINISTRATOR)
    async with database.tenant(identity.municipality) as connection:
        if not await store.restart_delivery(connection, delivery_id):
            raise NotFound("There is no failed delivery to a reporter with this id.")


def _require_key(sealed: SealedContent, question: RowMapping) -> None:
    if not any(wrap.key_id == question["reply_key_id"] for wrap in sealed.wraps):
        raise _wrong(
            "/sealedReply/wraps",
            "wrong-key",
            f"Verzegel voor sleutel {question['reply_key_id']}.",
            f"Seal to key {question['reply_key_id']}.",
        )


def _require_receipt(statement: bytes, signature: str, verify_key: str) -> None:
    try:
        require_signed(statement, signature, verify_key)
    except NotVouched as error:
        raise _wrong(
            "/signature",
            "not-signed",
            "Dit antwoord is niet getekend met de sleutel die bij de code hoort.",
            "This reply is not signed with the key that the receipt gives.",
        ) from error


def _wrong(pointer: str, code: str, dutch: str, english: str) -> Malformed:
    return Malformed("The reply is not valid.", errors=[FieldError(pointer, code, dutch, english)])


def _unknown() -> UnknownReceipt:
    return UnknownReceipt(
        "Check the receipt; a fresh one may take a few seconds.",
        errors=[
            FieldError(
                "/lookupId",
                "unknown-receipt",
                "Controleer uw code. Net gemeld? Probeer het over een paar tellen.",
                "Check your receipt. Just reported? Try again in a few seconds.",
            )
        ],
    )


def _notice_json(notice: RowMapping) -> dict[str, Any]:
    feedback = FeedbackKey(notice["feedback"])
    return {
        "feedback": feedback.value,
        "version": notice["version"],
        "at": notice["at"],
        "text": notice_text("nl", feedback),
        "textEn": notice_text("en", feedback),
    }


def _question_json(question: RowMapping) -> dict[str, Any]:
    return {
        "questionId": question["id"],
        "sealedQuestion": question["sealed_question"],
        "digest": question["digest"],
        "replyKey": {
            "group": question["reply_key_group"],
            "keyId": question["reply_key_id"],
            "publicKey": question["reply_public_key"],
            "signature": question["reply_key_signature"],
        },
        "signers": question["signers"],
        "askedAt": question["asked_at"],
        "repliedAt": question["replied_at"],
    }
