"""The parts of a municipality's forms as an administrator writes them and the database keeps them."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from hashlib import sha256
from typing import Any

from common.web import RequestModel
from pydantic import Field

from intake.domain import FormSet, General, Question, QuestionKind, SignalType, UrgencyRule

#: The code of the part that every type shares; no signal type may have it.
GENERAL = "general"


class QuestionDocument(RequestModel):
    """One question."""

    code: str
    label: str
    kind: QuestionKind
    options: tuple[str, ...] = ()
    option_labels: dict[str, str] = Field(default_factory=dict)
    is_required: bool = False
    for_professionals_only: bool = False
    help_text: str = ""
    show_when: dict[str, str] = Field(default_factory=dict)


class UrgencyRuleDocument(RequestModel):
    """When every answer holds, the report is at least this urgent."""

    when: dict[str, str]
    urgency: str
    explanation: str = ""


class TypeDocument(RequestModel):
    """A signal type, whole: what is left out is empty."""

    code: str
    name: str
    description: str
    indicators: tuple[str, ...] = ()
    indicators_by_role: dict[str, tuple[str, ...]] = Field(default_factory=dict)
    questions: tuple[QuestionDocument, ...] = ()
    default_urgency: str = "normaal"
    urgency_rules: tuple[UrgencyRuleDocument, ...] = ()
    safety_tip: str = ""
    department: str
    readers: tuple[str, ...] = ()
    partners: tuple[str, ...] = ()
    is_active: bool = True  # false retires the type; it is never deleted
    is_restricted: bool = False
    is_for_professionals_only: bool = False
    needs_name: bool = False
    position: int = Field(default=1000, ge=0, le=100_000)  # lower ones are offered first


class RedirectDocument(RequestModel):
    """What is not for this desk, and where to go instead."""

    code: str
    name: str
    redirect: str


class GeneralDocument(RequestModel):
    """What every signal type shares, whole."""

    general_questions: tuple[QuestionDocument, ...] = ()
    reporter_roles: tuple[str, ...]
    location_types: tuple[str, ...] = ()
    out_of_scope: tuple[RedirectDocument, ...] = ()


Document = TypeDocument | GeneralDocument


def document_of(code: str, content: object) -> Document:
    """The document of this part; raises pydantic's `ValidationError` with everything of the wrong shape."""
    return (GeneralDocument if code == GENERAL else TypeDocument).model_validate(content)


def written(document: Document) -> str:
    """The document as JSON, the same for equal documents."""
    content = document.model_dump(mode="json", by_alias=True)
    return json.dumps(content, sort_keys=True, ensure_ascii=False, separators=(",", ":"))


def digest_of(document: Document) -> bytes:
    """What tells equal documents from others."""
    return sha256(written(document).encode()).digest()


def kind_of(document: TypeDocument) -> SignalType:
    """The signal type that a document describes."""
    return SignalType(
        **{
            **_fields(document),
            "questions": _questions(document.questions),
            "urgency_rules": tuple(UrgencyRule(**_fields(each)) for each in document.urgency_rules),
        }
    )


def general_of(document: GeneralDocument) -> General:
    """The shared part that a document describes."""
    return General(
        _questions(document.general_questions),
        document.reporter_roles,
        document.location_types,
        tuple((each.code, each.name, each.redirect) for each in document.out_of_scope),
    )


def parts_of(forms: FormSet) -> dict[str, Document]:
    """Forms as the documents of their parts, by code."""
    redirects = [
        {"code": code, "name": name, "redirect": redirect} for code, name, redirect in forms.out_of_scope
    ]
    general = GeneralDocument.model_validate(
        {
            "general_questions": [asdict(each) for each in forms.general_questions],
            "reporter_roles": forms.reporter_roles,
            "location_types": forms.location_types,
            "out_of_scope": redirects,
        }
    )
    kinds = {code: TypeDocument.model_validate(asdict(kind)) for code, kind in forms.signal_types.items()}
    return {GENERAL: general, **kinds}


def assembled(version: int, general: General, kinds: Iterable[SignalType]) -> FormSet:
    """Whole forms from their parts, in the order in which types are offered."""
    ordered = sorted(kinds, key=lambda kind: (kind.position, kind.code))
    return FormSet(
        version=version,
        signal_types={kind.code: kind for kind in ordered},
        general_questions=general.questions,
        reporter_roles=general.reporter_roles,
        location_types=general.location_types,
        out_of_scope=general.out_of_scope,
    )


def assembled_from(version: int, documents: Mapping[str, Document]) -> FormSet:
    """As `assembled`, from documents by code; raises KeyError without the general part."""
    general = documents[GENERAL]
    assert isinstance(general, GeneralDocument)  # noqa: S101 -- `document_of` makes it so
    kinds = [kind_of(each) for each in documents.values() if isinstance(each, TypeDocument)]
    return assembled(version, general_of(general), kinds)


def _questions(documents: Iterable[QuestionDocument]) -> tuple[Question, ...]:
    return tuple(Question(**_fields(each)) for each in documents)


def _fields(document: RequestModel) -> dict[str, Any]:
    return {name: getattr(document, name) for name in type(document).model_fields}
