"""Intake's API for functional administrators: edit, look at, try and publish forms."""

import re
from collections.abc import Sequence
from dataclasses import asdict, replace
from typing import Annotated, Any
from uuid import UUID

from common.auth import Identity
from common.contracts.codes import Code, Role
from common.errors import FieldError, Malformed, NotSignedIn
from common.web import Caller, RequestModel
from fastapi import APIRouter, Header, Query, Request, Response
from pydantic import Field

from intake.actions import Intake
from intake.api import edited
from intake.api.forms import form_json
from intake.api.shown import files_json, forms_json, rules_json
from intake.api.submissions import ReportSubmission, new_report
from intake.documents import GENERAL, GeneralDocument, TypeDocument
from intake.domain import FormSet, urgency_of
from intake.editing import Editing, Part
from intake.form import Form
from intake.store.forms import Draft, PartVersion
from intake.submission import checked, local_day

router = APIRouter()

_PARTS = "/api/v1/form-parts"
_PART = _PARTS + "/{code}"
_DRAFT = _PART + "/draft"
_PAGE = 100
_OPEN_CHANNELS = ("formulier", "app", "api")
_REVISION = re.compile(r'(?:W/)?"([0-9]{1,9})"')
_SEEN_TOLD = "The revision that you read, as in the `ETag` of the draft; needed when there is one."
_Seen = Annotated[str | None, Header(alias="If-Match", description=_SEEN_TOLD)]
_Professional = Annotated[bool, Query(description="As somebody who signed in sees it.")]
_Version = Annotated[int, Field(ge=1, le=2**31 - 1)]


class TypeDraft(RequestModel):
    """A signal type as it should become, whole."""

    based_on: Annotated[int, Field(ge=0, le=2**31 - 1)]  # the version it starts from; 0 for a new type
    document: TypeDocument


class GeneralDraft(RequestModel):
    """What every signal type shares, as it should become, whole."""

    based_on: Annotated[int, Field(ge=1, le=2**31 - 1)]
    document: GeneralDocument


@router.get(_PARTS, response_model=edited.PartsShown)
async def form_parts(request: Request, caller: Caller) -> dict[str, Any]:
    """Every part of the forms: the general questions and each signal type, published or drafted."""
    administrator(caller)
    return {"parts": [_part_json(each) for each in await _editing(request).parts(caller.municipality)]}


@router.get(_PART, response_model=edited.PartShown)
async def form_part(request: Request, caller: Caller, code: Code) -> dict[str, Any]:
    """A part as it is published now."""
    administrator(caller)
    return _version_json(await _editing(request).part(caller.municipality, code))


@router.get(_PART + "/versions", response_model=edited.VersionsShown)
async def form_versions(request: Request, caller: Caller, code: Code) -> dict[str, Any]:
    """The history of a part, newest first; nothing in it is ever deleted."""
    administrator(caller)
    found = await _editing(request).history(caller.municipality, code)
    return {"versions": [_version_json(each) for each in found]}


@router.get(_DRAFT, response_model=edited.DraftShown)
async def form_draft(request: Request, caller: Caller, code: Code, response: Response) -> dict[str, Any]:
    """The draft of a part, with everything that is wrong with it."""
    administrator(caller)
    draft, faults = await _editing(request).draft(caller.municipality, code)
    return _draft_json(draft, faults, response)


@router.put(f"{_PARTS}/{GENERAL}/draft", response_model=edited.DraftShown)
async def save_general_draft(
    request: Request, caller: Caller, body: GeneralDraft, response: Response, seen: _Seen = None
) -> dict[str, Any]:
    """Save what every type shares as a draft; right or wrong, it is kept, and all faults are told."""
    return await _save(request, caller, GENERAL, body, response, seen)


@router.put(_DRAFT, response_model=edited.DraftShown)
async def save_draft(
    request: Request, caller: Caller, code: Code, body: TypeDraft, response: Response, seen: _Seen = None
) -> dict[str, Any]:
    """Save a signal type as a draft; right or wrong, it is kept, and all faults are told."""
    return await _save(request, caller, code, body, response, seen)


@router.delete(_DRAFT, status_code=204)
async def discard_draft(request: Request, caller: Caller, code: Code, seen: _Seen = None) -> None:
    """Forget a draft."""
    person = administrator(caller)
    await _editing(request).discard(caller.municipality, person, code, _revision(seen))


@router.get(_DRAFT + "/preview", response_model=edited.PreviewShown)
async def preview_draft(
    request: Request, caller: Caller, code: Code, professional: _Professional = False
) -> dict[str, Any]:
    """Everything as reporters would see it with this draft; 400 with every fault when it is not ready."""
    administrator(caller)
    intake: Intake = request.app.state.intake
    forms = await _editing(request).with_draft(caller.municipality, code)
    state, limits = intake.state(caller.municipality), intake.file_limits(caller.municipality)
    shown = forms_json(forms, professional=professional)
    form = _form(intake, caller, forms, code, professional=professional)
    return {
        "forms": {**shown, **rules_json(state), "files": files_json(limits)},
        "form": form_json(form) if form else None,
    }


@router.post(_DRAFT + "/_check", response_model=edited.Checked)
async def check_draft(
    request: Request, caller: Caller, code: Code, body: ReportSubmission, professional: _Professional = False
) -> dict[str, Any]:
    """Try a report against this draft: what the door would say. Nothing of it is kept or sent."""
    administrator(caller)
    intake: Intake = request.app.state.intake
    forms = await _editing(request).with_draft(caller.municipality, code)
    report = replace(new_report(body, caller), is_professional=professional)
    kind, answers = checked(report, forms, intake.state(caller.municipality), intake.now)
    urgency = urgency_of(kind, answers.choices)
    return {"urgency": urgency.code, "explanation": urgency.explanation, "safetyTip": kind.safety_tip}


@router.post(_DRAFT + "/_publish", status_code=201, response_model=edited.PartShown)
async def publish_draft(request: Request, caller: Caller, code: Code, seen: _Seen = None) -> dict[str, Any]:
    """Make the draft the form that everybody sees; send the revision that you read as `If-Match`."""
    person = administrator(caller)
    return _version_json(await _editing(request).publish(caller.municipality, person, code, _revision(seen)))


@router.get(_PART + "/versions/{version}", response_model=edited.PartShown)
async def form_version(request: Request, caller: Caller, code: Code, version: _Version) -> dict[str, Any]:
    """A part as it was at a version."""
    administrator(caller)
    return _version_json(await _editing(request).part(caller.municipality, code, version))


@router.get("/api/v1/form-audit", response_model=edited.AuditShown)
async def form_audit(
    request: Request, caller: Caller, before: Annotated[int | None, Query(ge=1, le=2**63 - 1)] = None
) -> dict[str, Any]:
    """Who did what with the forms, newest first; `next` is the `before` of the next page."""
    caller.require(Role.ADMINISTRATOR, Role.PRIVACY_OFFICER)
    rows = await _editing(request).audited(caller.municipality, before, _PAGE)
    shown = [asdict(row) for _, row in rows]
    return {"rows": shown, "next": rows[-1][0] if len(rows) == _PAGE else None}


def administrator(caller: Identity) -> UUID:
    """The person who may do this; raises `NotSignedIn` or `NotAllowed`."""
    caller.require(Role.ADMINISTRATOR)
    if caller.person is None:
        raise NotSignedIn("This is for people who signed in, not for API keys.")
    return caller.person


def _editing(request: Request) -> Editing:
    editing: Editing = request.app.state.editing
    return editing


async def _save(
    request: Request,
    caller: Identity,
    code: str,
    body: TypeDraft | GeneralDraft,
    response: Response,
    seen: str | None,
) -> dict[str, Any]:
    person, town = administrator(caller), caller.municipality
    saved = await _editing(request).save(town, person, code, body.document, body.based_on, _revision(seen))
    return _draft_json(*saved, response)


def _form(intake: Intake, caller: Identity, forms: FormSet, code: str, *, professional: bool) -> Form | None:
    kind = forms.signal_types.get(code)
    if kind is None:
        return None
    town, today = caller.municipality, local_day(intake.now)
    state, limits = intake.state(town), intake.file_limits(town)
    return Form(forms, kind, state, limits, today, professional, _OPEN_CHANNELS)


def _revision(seen: str | None) -> int | None:
    if seen is None:
        return None
    found = _REVISION.fullmatch(seen.strip())
    if found is None:
        field = FieldError(
            "header:If-Match",
            "not-a-revision",
            'Stuur de revisie die u las, als "3".',
            'Send the revision that you read, as "3".',
        )
        raise Malformed("The header If-Match is not valid.", errors=[field])
    return int(found[1])


def _part_json(part: Part) -> dict[str, Any]:
    published, draft = part.published, part.draft
    document = published.document if published else draft.document if draft else {}
    return {
        "code": part.code,
        "name": document.get("name"),
        "version": published.version if published else 0,
        "origin": published.origin if published else None,
        "isActive": bool(published and document.get("isActive", True)),
        "hasNewerSeed": part.has_newer_seed,
        "draft": {"revision": draft.revision, "editedBy": draft.edited_by, "editedAt": draft.edited_at}
        if draft
        else None,
    }


def _version_json(part: PartVersion) -> dict[str, Any]:
    return {
        "code": part.code,
        "version": part.version,
        "origin": part.origin,
        "publishedBy": part.published_by,
        "publishedAt": part.published_at,
        "document": part.document,
    }


def _draft_json(draft: Draft, faults: Sequence[FieldError], response: Response) -> dict[str, Any]:
    response.headers["ETag"] = f'"{draft.revision}"'
    return {
        "code": draft.code,
        "revision": draft.revision,
        "basedOn": draft.based_on,
        "editedBy": draft.edited_by,
        "editedAt": draft.edited_at,
        "document": draft.document,
        "faults": [each.as_json() for each in faults],
    }
