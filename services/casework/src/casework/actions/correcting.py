"""Mending the anonymised text: what a person saw that the anonymiser missed, or hid by mistake."""

from collections import Counter
from collections.abc import Sequence
from uuid import UUID, uuid4

from common.contracts.casework import AnonymisationCorrected, CorrectionCount
from common.contracts.codes import Correction, PersonalClass
from common.db import Database
from common.errors import AppError, FieldError, Malformed
from common.messaging import publish
from sqlalchemy import RowMapping
from sqlalchemy.ext.asyncio import AsyncConnection

from casework.actions.base import InHand, Worker, working
from casework.domain import texts
from casework.store import changes, reports
from casework.store.states import town_of

_CLASSES = frozenset(each.value for each in PersonalClass)


class TextNotInClear(AppError):
    """The municipality keeps every text sealed, also without names."""

    code = "text-not-in-clear"
    title = "This municipality keeps texts sealed only"


class NotOpened(AppError):
    """Who brings words into the open has opened the report, so that it is written who read them and why."""

    code = "not-opened"
    title = "Open the report first"
    fix = (
        "Open eerst de verzegelde inhoud van deze melding, en bewaar de tekst dan.",
        "Open the sealed content of this report first, and save the text then.",
    )


async def correct_text(
    database: Database,
    worker: Worker,
    report_id: UUID,
    version: int,
    text: str,
    corrections: Sequence[tuple[Correction, PersonalClass]],
) -> RowMapping:
    """Overwrite the anonymised text of a report; a doubted one gets its text this way and is doubted no more.

    History and event hold codes and counts only. Raises `StaleVersion` when somebody was first, `NotYours`
    unless this person decides on the report, `TextNotInClear`, `NotOpened` for a text that brings back what
    this person never opened, and `Malformed` with all that is wrong with the text.
    """
    counts = Counter(corrections)
    async with working(database, worker, report_id) as held:
        if not await allows_text(held.connection):
            raise TextNotInClear("The text of a report may not leave the sealed content here.")
        held.require_version(version)
        held.require_mine()
        if texts.brings_back(held.report["anonymised_text"], {kind.value for kind, _ in counts}):
            await _require_opened(held)
        codes = Counter({(kind.value, each.value): count for (kind, each), count in counts.items()})
        faults = texts.correction_faults(held.report["anonymised_text"], text, codes, _CLASSES)
        if faults:
            errors = [FieldError(each.pointer, each.code, each.dutch, each.english) for each in faults]
            raise Malformed("The corrected text is not valid; nothing was changed.", errors=errors)
        told = [
            CorrectionCount(correction=kind, personal_class=each, count=count)
            for (kind, each), count in sorted(counts.items())
        ]
        await held.change(
            "anonymisation-corrected",
            {"anonymised_text": text, "needs_review": False},
            corrections=[each.model_dump(mode="json", by_alias=True) for each in told],
        )
        if told:
            await publish(
                held.connection,
                AnonymisationCorrected(
                    municipality=worker.municipality,
                    correction_id=uuid4(),
                    corrections=tuple(told),
                    corrected_at=held.at,
                ),
            )
        return await held.again()


async def _require_opened(held: InHand) -> None:
    has_opened = await changes.has_opened(held.connection, held.id, held.worker.person)
    if not (has_opened and await held.has_key()):
        raise NotOpened("Put back, or bring into the open, only what you read in the report that you opened.")


async def allows_text(connection: AsyncConnection) -> bool:
    """Whether the municipality lets anonymised texts be kept in clear; no until that is known."""
    state = await reports.read_state(connection, "municipality_state")
    return state is not None and not town_of(state).forbids_text
