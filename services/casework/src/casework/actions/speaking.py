"""Opening what is sealed, asking the reporter, and notes: content that only browsers can read."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID, uuid4

from common.contracts.casework import QuestionAsked
from common.contracts.codes import FeedbackKey, KeyGroup
from common.contracts.gateway import GroupKey, Signer
from common.db import Database
from common.errors import AppError, FieldError, Malformed, NotFound, Unavailable
from common.messaging import publish
from common.sealing import SealedContent
from sqlalchemy import RowMapping
from sqlalchemy.ext.asyncio import AsyncConnection

from casework import domain
from casework.actions.base import AlreadyThere, InHand, NotPermitted, Worker, working
from casework.store import changes, reports
from casework.store.parts import ATTACHMENT, QUESTION_COPY
from casework.store.states import town_of


class NoKey(AppError):
    """Nothing of the report is sealed to a key that this person holds."""

    code = "no-key"
    title = "You hold no key of this report"


@dataclass(frozen=True)
class Opening:
    """What an opening hands out: ciphertexts with the wraps that this person can open."""

    id: UUID
    sealed: list[dict[str, Any]]
    attachments: list[dict[str, Any]]  # wraps only; the ciphertext comes from intake


async def open_report(database: Database, worker: Worker, report_id: UUID, purpose: str) -> Opening:
    """Hand out wraps, after the line that says who opened what and why is committed.

    Who holds no key of it opens nothing: `NoKey`, and no line says that they read it.
    """
    opening_id = uuid4()
    async with working(database, worker, report_id) as held:
        if not await held.has_key():
            raise NoKey("The report is sealed to a key group that you do not hold.")
        version = held.report["version"]
        await changes.note_history(
            held.connection,
            worker.municipality,
            report_id,
            version,
            worker.person,
            held.at,
            "opened",
            purpose=purpose,
            openingId=str(opening_id),
        )
        if held.report["taken_by"] == worker.person:
            await changes.forget_new_reply(held.connection, report_id)
    async with database.tenant(worker.municipality) as connection:
        if await reports.read_report(connection, worker.sight, report_id) is None:
            raise NotFound("The report was erased a moment ago.")
        rows = await reports.read_sealed(connection, report_id, worker.identity.key_groups)
        signatures = await reports.reply_signatures(connection, report_id)
        digests = await reports.question_digests(connection, report_id)
    return Opening(
        opening_id,
        [_sealed_json(row, signatures, digests) for row in rows if row["compartment"] != ATTACHMENT],
        [{**row["content"], "wraps": row["wraps"]} for row in rows if row["compartment"] == ATTACHMENT],
    )


async def ask_reporter(
    database: Database,
    worker: Worker,
    report_id: UUID,
    version: int,
    question_id: UUID,
    digest: str,
    sealed_question: str,
    sealed_copy: SealedContent,
) -> RowMapping:
    """Ask the reporter something that only they can read; asking twice under one id asks once.

    Nobody here can tell whether colleagues' copy says the same: `digest` goes to both, and each looks.
    """
    async with working(database, worker, report_id) as held:
        if await changes.has_sealed(held.connection, report_id, QUESTION_COPY, str(question_id)):
            return held.report
        held.require_version(version)
        held.require_mine()
        if not domain.may_ask(held.report["status"]):
            raise NotPermitted(f"The reporter cannot be asked while the report is {held.report['status']}.")
        if held.report["voucher"] is None:
            raise NotPermitted(
                "Nobody vouches for the key of this reporter: the report came before that was so."
            )
        key, signers = await vouched_key(held.connection, is_restricted=held.report["is_restricted"])
        require_wrap(sealed_copy, key, "/sealedCopy/wraps")
        if not await changes.add_question(
            held.connection, worker.municipality, report_id, question_id, digest, worker.person, held.at
        ):
            raise AlreadyThere("A question with this id was asked about another report.")
        await _keep(held, QUESTION_COPY, str(question_id), sealed_copy)
        status = domain.FOR_REPORTER
        await held.change("question-asked", {"status": status}, questionId=str(question_id), status=status)
        asked = QuestionAsked(
            municipality=worker.municipality,
            reporter_handle=held.report["reporter_handle"],
            question_id=question_id,
            sealed_question=sealed_question,
            digest=digest,
            reply_key_id=key.key_id,
            reply_key_group=key.group.value,
            reply_public_key=key.public_key,
            reply_key_signature=key.signature,
            signers=signers,
            asked_at=held.at,
        )
        await publish(held.connection, asked, held.moved(status), held.notice(FeedbackKey.QUESTION))
        return await held.again()


async def add_note(
    database: Database, worker: Worker, report_id: UUID, note_id: UUID, sealed: SealedContent
) -> None:
    """Keep a note; the same note twice is kept once."""
    async with working(database, worker, report_id) as held:
        await keep_note(held, note_id, sealed)


async def keep_note(held: InHand, note_id: UUID, sealed: SealedContent) -> None:
    """Keep a note in the transaction of another action."""
    if await changes.has_sealed(held.connection, held.id, "note", str(note_id)):
        return
    key = await key_of(held.connection, is_restricted=held.report["is_restricted"])
    require_wrap(sealed, key, "/sealed/wraps")
    await _keep(held, "note", str(note_id), sealed)
    await changes.note_history(
        held.connection,
        held.worker.municipality,
        held.id,
        held.report["version"],
        held.worker.person,
        held.at,
        "note-added",
        noteId=str(note_id),
    )


async def key_of(connection: AsyncConnection, *, is_restricted: bool) -> GroupKey:
    """The public key to which anything written about a report is sealed."""
    return (await vouched_key(connection, is_restricted=is_restricted))[0]


async def vouched_key(
    connection: AsyncConnection, *, is_restricted: bool
) -> tuple[GroupKey, tuple[Signer, ...]]:
    """That key with who vouches for it. Nothing is checked here: whoever seals to it does that."""
    state = await reports.read_state(connection, "municipality_state")
    group = KeyGroup.RESTRICTED if is_restricted else KeyGroup.GENERAL
    if state is not None:
        town = town_of(state)
        for key in town.keys:
            if key.group is group:
                return key, town.signers
    raise Unavailable("The municipality's public keys are not known yet.")


def require_wrap(sealed: SealedContent, key: GroupKey, pointer: str) -> None:
    """Refuse content that colleagues could not open."""
    if any(wrap.key_id == key.key_id and wrap.group == key.group.value for wrap in sealed.wraps):
        return
    raise Malformed(
        "The content is not sealed to the municipality's key.",
        errors=[
            FieldError(
                pointer,
                "wrong-key",
                f"Verzegel voor sleutel {key.key_id} van groep {key.group.value}.",
                f"Seal to key {key.key_id} of group {key.group.value}.",
            )
        ],
    )


async def _keep(held: InHand, compartment: str, subject: str, sealed: SealedContent) -> None:
    await changes.keep_sealed(
        held.connection,
        held.worker.municipality,
        held.id,
        compartment,
        subject,
        held.worker.person,
        held.at,
        sealed,
    )


def _sealed_json(
    row: RowMapping, signatures: Mapping[str, str], digests: Mapping[str, str]
) -> dict[str, Any]:
    # A reply is bound to its question; its own id stands behind the slash.
    subject, _, own_id = row["subject"].partition("/")
    return {
        "compartment": row["compartment"],
        "subject": subject,
        **({"replyId": own_id, "signature": signatures.get(own_id, "")} if own_id else {}),
        **({"digest": digests.get(subject, "")} if row["compartment"] == QUESTION_COPY else {}),
        "sealed": {**row["content"], "wraps": row["wraps"]},
        "at": row["at"],
        "by": row["by_person"],
    }
