"""What intake answers; FastAPI holds every answer to these models, so that the API document is true."""

from typing import Annotated, Any
from uuid import UUID

from common.contracts.base import WireModel
from common.contracts.codes import Code, FormLayout, Urgency, WhoMayReport
from pydantic import Field

from intake.domain import Mode, QuestionKind
from intake.domain.admission import Need


class Checked(WireModel):
    """The report would be taken."""

    urgency: Urgency
    safety_tip: str
    explanation: str | None = None  # why it is this urgent; absent when there is nothing to say


class Accepted(Checked):
    """The report is stored."""

    receipt: str  # shown once; it opens the mailbox


class QuestionShown(WireModel):
    """One question of a form."""

    code: str
    label: str
    kind: QuestionKind
    options: list[str]
    option_labels: dict[str, str]  # only those that do not read like their code
    is_required: bool
    help_text: str
    show_when: dict[str, str]  # asked only if these answers hold


class UrgencyRuleShown(WireModel):
    """When every answer holds, the report is at least this urgent."""

    when: dict[str, str]
    urgency: Urgency
    explanation: str


class SignalTypeShown(WireModel):
    """What can be reported, what to look for, and what is asked."""

    code: Code
    name: str
    description: str
    indicators: list[str]
    indicators_by_role: dict[str, list[str]]
    questions: list[QuestionShown]
    default_urgency: Urgency
    urgency_rules: list[UrgencyRuleShown]
    safety_tip: str
    needs_name: bool
    is_restricted: bool


class OutOfScope(WireModel):
    """What is not for this desk, and where to go instead."""

    code: str
    name: str
    redirect: str


class FilesShown(WireModel):
    """What may go along with a report."""

    max_count: int
    max_photo_bytes: int
    max_pdf_bytes: int
    media_types: list[str]


class FileTaken(WireModel):
    """The file is kept. A report claims it within 24 hours, by id and claim; the claim is a secret."""

    id: UUID
    claim: str
    media_type: str
    size_bytes: int  # of the clean file


class NeighbourhoodShown(WireModel):
    """A part of the municipality: send the code, show the name."""

    code: Code
    name: str


class FormsShown(WireModel):
    """Everything that a municipality asks of this caller."""

    version: int
    signal_types: list[SignalTypeShown]
    general_questions: list[QuestionShown]
    reporter_kinds: list[str]
    location_types: list[str]
    out_of_scope: list[OutOfScope]
    files: FilesShown
    form_layout: FormLayout
    who_may_report: WhoMayReport
    modes: list[Mode]
    neighbourhoods: list[NeighbourhoodShown]  # when there are any, a report takes only their codes
    needed: Need | None = None  # what this caller must bring before a report is taken


class OptionShown(WireModel):
    """An answer to choose."""

    value: str
    label: str


class FieldShown(WireModel):
    """How one field is best shown."""

    label: str
    widget: str  # text, textarea, email, tel, date, number, select, radio, checkboxes or pin
    help: str
    options: list[OptionShown]
    is_required: bool  # when it is asked
    show_when: dict[str, str]  # asked only if these answers hold


class Emergency(WireModel):
    """When to say, before anything is sent, that this is no matter for a form."""

    call: str
    rules: list[UrgencyRuleShown]


class Traceable(WireModel):
    """The answer that tells that only the reporter could know this."""

    pointer: str
    answer: str
    help: str


class HintsShown(WireModel):
    """What JSON Schema cannot tell, by JSON Pointer into the report."""

    form_layout: FormLayout
    who_may_report: WhoMayReport
    modes: list[Mode]
    neighbourhoods: list[NeighbourhoodShown]
    order: list[str]
    fields: dict[str, FieldShown]
    indicators: list[str]
    indicators_by_role: dict[str, list[str]]
    safety_tip: str
    needs_name: bool
    emergency: Emergency
    urgency_rules: list[UrgencyRuleShown]
    traceable: Traceable | None
    redirects: list[OutOfScope]
    files: FilesShown


class FormShown(WireModel):
    """The form for one signal type."""

    code: Code
    name: str
    description: str
    version: int
    schema_: Annotated[dict[str, Any], Field(alias="schema")]  # JSON Schema 2020-12 of the report
    ui: HintsShown


class FormThen(WireModel):
    """What was asked at a version of the forms."""

    version: int
    signal_type: SignalTypeShown
    general_questions: list[QuestionShown]
