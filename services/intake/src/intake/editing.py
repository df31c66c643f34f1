"""What administrators do with forms: draft, look, try, publish; each in one transaction."""

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from uuid import UUID

from common.coarse import CoarseTime, coarse_now
from common.contracts.gateway import MunicipalityConfigured
from common.db import Database
from common.errors import AppError, FieldError, Malformed, NotAllowed, NotFound, Unavailable
from common.messaging import publish
from common.messaging.envelope import TooLarge
from sqlalchemy.ext.asyncio import AsyncConnection

from intake.actions import Municipalities
from intake.documents import (
    GENERAL,
    Document,
    GeneralDocument,
    TypeDocument,
    assembled_from,
    digest_of,
    document_of,
    general_of,
    kind_of,
    parts_of,
)
from intake.domain import Fault, FormSet, lifted, lifting_faults
from intake.domain.editing import MOST_TYPES, faults_of_general, faults_of_type
from intake.offered import forms_configured
from intake.store import forms
from intake.store.forms import AuditRow, Draft, PartVersion

_MOST_VERSIONS = 200
MOST_DRAFTS = MOST_TYPES + 1  # one for each part that there can be


class NoSuchPart(NotFound):
    """No part of the forms has this code, or it never had this version."""

    code = "unknown-form"
    title = "There is no such form here"


class NoDraft(NotFound):
    """Nobody is working on this part."""

    code = "no-draft"
    title = "There is no draft of this form"


class RevisionNeeded(AppError):
    """A draft is changed, discarded or published only by who says which revision was seen."""

    status = 428
    code = "revision-needed"
    title = "Say which revision of the draft you saw"


class DraftChanged(AppError):
    """Somebody else saved, published or discarded the draft meanwhile."""

    status = 412
    code = "draft-changed"
    title = "The draft was changed meanwhile"


class FormChanged(AppError):
    """The published form is not the one that the draft starts from."""

    code = "form-changed"
    title = "The form was changed since this draft began"


class TooManyDrafts(AppError):
    """There are as many drafts as there can be parts."""

    code = "too-many-drafts"
    title = "There are too many drafts"
    fix = (
        "Er zijn te veel concepten. Publiceer of verwijder er eerst een.",
        "There are too many drafts. Publish or discard one first.",
    )


class FourEyes(NotAllowed):
    """Nobody publishes themselves what they edited last: where wanted so, and where it lifts protection."""

    code = "four-eyes"
    title = "Another person must publish this"
    fix = (
        "U bewerkte dit concept het laatst. Laat een andere beheerder het nakijken en publiceren.",
        "You edited this draft last. Let another administrator look at it and publish it.",
    )


@dataclass(frozen=True)
class Part:
    """One part of the forms, as an administrator sees it in the list."""

    published: PartVersion | None
    draft: Draft | None
    has_newer_seed: bool  # the software came with a newer text than the one this was edited from

    @property
    def code(self) -> str:
        """Which part."""
        found = self.published or self.draft
        assert found is not None  # noqa: S101 -- a part is published, drafted or both
        return found.code


class Editing:
    """The forms of every municipality, for their administrators."""

    def __init__(
        self,
        database: Database,
        municipalities: Municipalities,
        seed: FormSet,
        *,
        refresh: Callable[[], Awaitable[None]],
        clock: Callable[[], CoarseTime] = coarse_now,
    ) -> None:
        self._database = database
        self._municipalities = municipalities
        self._seed = {code: digest_of(document) for code, document in parts_of(seed).items()}
        self._refresh = refresh
        self._clock = clock

    async def parts(self, town: str) -> list[Part]:
        """Every part with its draft, the general one first."""
        async with self._database.tenant(town) as connection:
            published = {each.code: each for each in await forms.current_parts(connection, [town])}
            drafts = {each.code: each for each in await forms.drafts(connection)}
        codes = sorted({*published, *drafts}, key=lambda code: (code != GENERAL, code))
        return [
            Part(published.get(code), drafts.get(code), self._is_older(published.get(code))) for code in codes
        ]

    async def part(self, town: str, code: str, version: int | None = None) -> PartVersion:
        """A part as it holds now, or held at a version of the forms; raises `NoSuchPart`."""
        async with self._database.tenant(town) as connection:
            found = await forms.current_parts(connection, [town], at=version)
        part = next((each for each in found if each.code == code), None)
        if part is None:
            raise NoSuchPart
        return part

    async def forms_at(self, town: str, version: int) -> FormSet:
        """All forms as they were at a version; raises `NoSuchPart` when there were none yet."""
        async with self._database.tenant(town) as connection:
            found = await forms.current_parts(connection, [town], at=version)
        if version > self._municipalities.get(town)[1].version or not found:
            raise NoSuchPart
        return assembled_from(version, _documents(found))

    async def history(self, town: str, code: str) -> list[PartVersion]:
        """The versions of a part, newest first; raises `NoSuchPart`."""
        async with self._database.tenant(town) as connection:
            found = await forms.history(connection, code, _MOST_VERSIONS)
        if not found:
            raise NoSuchPart
        return found

    async def draft(self, town: str, code: str) -> tuple[Draft, list[FieldError]]:
        """The draft of a part with all that is wrong with it; raises `NoDraft`."""
        async with self._database.tenant(town) as connection:
            draft = await forms.draft(connection, code)
            if draft is None:
                raise NoDraft
            return draft, await self._faults(connection, town, draft)

    async def save(
        self, town: str, person: UUID, code: str, content: Document, based_on: int, seen: int | None
    ) -> tuple[Draft, list[FieldError]]:
        """Keep a draft, right or wrong, and tell what is wrong with it.

        `seen` is the revision that the editor saw, None for a first draft. No revision comes back in a later
        draft, so that who read one never publishes another. Raises `RevisionNeeded`, `DraftChanged`,
        `TooManyDrafts`.
        """
        async with self._database.tenant(town) as connection:
            await forms.lock_state(connection, town)
            before = await forms.draft(connection, code)
            _require_seen(before, seen)
            if before is None and await forms.count_drafts(connection) >= MOST_DRAFTS:
                raise TooManyDrafts(f"Publish or discard one first; there may be {MOST_DRAFTS} at once.")
            draft = Draft(
                code=code,
                revision=await forms.last_revision(connection, code) + 1,
                based_on=based_on,
                document=content.model_dump(mode="json", by_alias=True),
                edited_by=person,
                edited_at=self._clock(),
            )
            await forms.save_draft(connection, town, draft)
            await forms.audit(
                connection, town, AuditRow(code, "draft-saved", draft.revision, person, draft.edited_at)
            )
            return draft, await self._faults(connection, town, draft)

    async def discard(self, town: str, person: UUID, code: str, seen: int | None) -> None:
        """Forget a draft; raises `NoDraft`, `RevisionNeeded`, `DraftChanged`."""
        async with self._database.tenant(town) as connection:
            await forms.lock_state(connection, town)
            draft = await _draft_seen(connection, code, seen)
            await forms.discard_draft(connection, code)
            row = AuditRow(code, "draft-discarded", draft.revision, person, self._clock())
            await forms.audit(connection, town, row)

    async def with_draft(self, town: str, code: str) -> FormSet:
        """The forms as they would be with this draft; raises `NoDraft`, `Malformed` with every fault."""
        async with self._database.tenant(town) as connection:
            draft = await forms.draft(connection, code)
            if draft is None:
                raise NoDraft
            faults = await self._faults(connection, town, draft)
            if faults:
                raise Malformed("The draft is not ready.", errors=faults)
            documents = _documents(await forms.current_parts(connection, [town]))
        version = self._municipalities.get(town)[1].version + 1
        return assembled_from(version, {**documents, code: document_of(code, draft.document)})

    async def publish(self, town: str, person: UUID, code: str, seen: int | None) -> PartVersion:
        """Make a draft the form that everybody sees; of two who publish it one wins.

        Raises `NoDraft`, `RevisionNeeded`, `DraftChanged`, `FormChanged`, `FourEyes`, and `Malformed` with
        every fault; then nothing is changed.
        """
        state, offered = self._municipalities.get(town)
        async with self._database.tenant(town) as connection:
            stands = await forms.lock_state(connection, town)
            draft = await _draft_seen(connection, code, seen)
            current = {each.code: each for each in await forms.current_parts(connection, [town])}
            _require_same_base(current.get(code), draft)
            gone = _lifted(current.get(code), draft, offered)
            _require_four_eyes(state, draft, person, gone)
            faults = await self._faults(connection, town, draft)
            if faults:
                raise Malformed("The draft is not ready.", errors=faults)
            part = self._published(town, draft, stands.version + 1, person)
            await forms.insert_parts(connection, [part])
            await forms.advance(connection, town, part.version, stands.seed_version)
            await forms.discard_draft(connection, code)
            row = AuditRow(code, "published", part.version, person, part.published_at, gone)
            await forms.audit(connection, town, row)
            documents = _documents([*current.values(), part])
            await _speak(connection, town, assembled_from(part.version, documents))
        await self._refresh()
        return part

    async def audited(self, town: str, before: int | None, most: int) -> list[tuple[int, AuditRow]]:
        """Who did what, newest first."""
        async with self._database.tenant(town) as connection:
            return await forms.audited(connection, before, most)

    def _published(self, town: str, draft: Draft, version: int, person: UUID) -> PartVersion:
        document = document_of(draft.code, draft.document)
        digest, seed = digest_of(document), self._seed.get(draft.code)
        return PartVersion(
            municipality=town,
            code=draft.code,
            version=version,
            origin="seed" if digest == seed else "own",
            document=draft.document,
            digest=digest,
            seed_digest=seed,
            published_by=person,
            published_at=self._clock(),
        )

    def _is_older(self, part: PartVersion | None) -> bool:
        if part is None or part.origin == "seed":
            return False
        return part.code in self._seed and part.seed_digest != self._seed[part.code]

    async def _faults(self, connection: AsyncConnection, town: str, draft: Draft) -> list[FieldError]:
        documents = _documents(await forms.current_parts(connection, [town]))
        found = _faults_of(document_of(draft.code, draft.document), draft.code, documents)
        return _fields(found)


def _documents(parts: Sequence[PartVersion]) -> dict[str, Document]:
    return {each.code: document_of(each.code, each.document) for each in parts}


def _fields(faults: Iterable[Fault]) -> list[FieldError]:
    return [FieldError(each.pointer, each.code, each.dutch, each.english) for each in faults]


def _faults_of(document: Document, code: str, current: Mapping[str, Document]) -> list[Fault]:
    """Everything wrong with a draft beside what is published."""
    kinds = [each for each in current.values() if isinstance(each, TypeDocument)]
    if isinstance(document, GeneralDocument):
        general = general_of(document)
        faults = faults_of_general(general)
        for each in kinds:
            found = (
                faults_of_type(kind_of(each), each.code, general, reserved=GENERAL) if each.is_active else []
            )
            faults += [replace(fault, pointer=f"/signalTypes/{each.code}{fault.pointer}") for fault in found]
        return faults
    shared = current.get(GENERAL)
    if not isinstance(shared, GeneralDocument):
        raise Unavailable("The forms of this municipality are being set up; try again.")
    faults = faults_of_type(kind_of(document), code, general_of(shared), reserved=GENERAL)
    if code not in current and len(kinds) >= MOST_TYPES:
        faults.append(
            Fault(
                "",
                "too-many",
                f"Er zijn al {MOST_TYPES} typen. Verander een type dat niet meer nodig is.",
                f"There are {MOST_TYPES} types already. Change one that is no longer needed.",
            )
        )
    return faults


async def _draft_seen(connection: AsyncConnection, code: str, seen: int | None) -> Draft:
    draft = await forms.draft(connection, code)
    if draft is None:
        if seen is None:
            raise NoDraft
        raise DraftChanged("The draft was published or discarded. Look at the form, and begin a new draft.")
    _require_seen(draft, seen)
    return draft


def _require_seen(draft: Draft | None, seen: int | None) -> None:
    if draft is not None and seen is None:
        raise RevisionNeeded(f'There is a draft. Send If-Match: "{draft.revision}" once you have read it.')
    if seen is not None and (draft is None or draft.revision != seen):
        raise DraftChanged("Read the draft again, put your change into it, and save that.")


def _require_same_base(current: PartVersion | None, draft: Draft) -> None:
    version = current.version if current else 0
    if draft.based_on != version:
        raise FormChanged(
            f"Version {version} is published; this draft starts from {draft.based_on}. "
            f"Compare them, and save the draft with basedOn {version}."
        )


def _lifted(current: PartVersion | None, draft: Draft, offered: FormSet) -> tuple[str, ...]:
    """What publishing this draft takes away of the protection of its type."""
    after = document_of(draft.code, draft.document)
    before = document_of(current.code, current.document) if current else None
    if not (isinstance(before, TypeDocument) and isinstance(after, TypeDocument)):
        return ()
    known = offered.signal_types.get(draft.code)
    is_restricted = before.is_restricted or (known is not None and known.is_restricted)
    return lifted(kind_of(before), kind_of(after), is_restricted=is_restricted)


def _require_four_eyes(
    state: MunicipalityConfigured, draft: Draft, person: UUID, gone: Sequence[str]
) -> None:
    if draft.edited_by == person and (gone or state.four_eyes_on_forms):
        raise FourEyes(
            "You edited this draft last. Let another administrator look at it and publish it.",
            errors=_fields(lifting_faults(gone)),
        )


async def _speak(connection: AsyncConnection, town: str, offered: FormSet) -> None:
    try:
        await publish(connection, forms_configured(town, offered))
    except TooLarge as error:
        fault = FieldError(
            "",
            "too-large",
            "Alle typen samen passen niet in één bericht; maak namen en lijsten korter.",
            "All types together do not fit one message; shorten names and lists.",
        )
        raise Malformed("The forms are too large.", errors=[fault]) from error
