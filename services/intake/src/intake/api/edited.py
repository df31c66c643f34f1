"""What intake answers to administrators who edit forms."""

from datetime import datetime
from uuid import UUID

from common.contracts.base import WireModel
from common.contracts.codes import Code, Urgency

from intake.api.answers import FormShown, FormsShown
from intake.documents import GeneralDocument, TypeDocument


class DraftInList(WireModel):
    """That somebody is working on a part."""

    revision: int
    edited_by: UUID
    edited_at: datetime


class PartInList(WireModel):
    """One part of the forms."""

    code: Code
    name: str | None  # of a signal type
    version: int  # 0 when it was never published
    origin: str | None  # seed: it follows the software; own: the municipality wrote it
    is_active: bool
    has_newer_seed: bool  # the software came with a newer text than the one that was edited
    draft: DraftInList | None


class PartsShown(WireModel):
    """Every part of the forms."""

    parts: list[PartInList]


class PartShown(WireModel):
    """One published version of a part."""

    code: Code
    version: int
    origin: str
    published_by: UUID | None  # nobody: it came with the software
    published_at: datetime
    document: TypeDocument | GeneralDocument


class VersionsShown(WireModel):
    """The history of a part."""

    versions: list[PartShown]


class FaultShown(WireModel):
    """One thing wrong with a draft: where, what, and how to mend it."""

    pointer: str
    code: str
    message: str
    message_en: str = ""


class DraftShown(WireModel):
    """A draft, with everything that keeps it from being published."""

    code: Code
    revision: int
    based_on: int
    edited_by: UUID
    edited_at: datetime
    document: TypeDocument | GeneralDocument
    faults: list[FaultShown]


class PreviewShown(WireModel):
    """Everything as reporters would see it with a draft."""

    forms: FormsShown  # as /api/v1/signal-types would answer
    form: FormShown | None  # as /api/v1/signal-types/{code}/form would; None for the general part


class Checked(WireModel):
    """A report that the door would take."""

    urgency: Urgency
    explanation: str
    safety_tip: str


class AuditRowShown(WireModel):
    """Who did what, when."""

    code: Code
    what: str  # draft-saved, draft-discarded, published or seed-adopted
    number: int  # the draft's revision, or the version that was published
    person: UUID | None
    at: datetime
    lifted: list[str]  # of protection: restriction, or partner:CODE for each partner that comes to it


class AuditShown(WireModel):
    """A page of it."""

    rows: list[AuditRowShown]
    next: int | None
