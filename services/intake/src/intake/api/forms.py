"""Intake's API: learn what is asked."""

from dataclasses import replace
from typing import Annotated, Any

from common.auth import Identity
from common.contracts.codes import Code
from common.errors import NotFound
from common.web import Caller
from fastapi import APIRouter, Request
from pydantic import Field

from intake.actions import Intake
from intake.admission import Admission
from intake.api import answers
from intake.api.callers import InvitationCode, channels_of, narrowed, require_type
from intake.api.hints import hints_json
from intake.api.shown import files_json, forms_json, questions_json, rules_json, type_json
from intake.editing import Editing
from intake.form import Form

router = APIRouter()

_Version = Annotated[int, Field(ge=1, le=2**31 - 1)]


@router.get("/api/v1/signal-types", response_model=answers.FormsShown)
async def signal_types(
    request: Request, caller: Caller, invitation_code: InvitationCode = None
) -> dict[str, Any]:
    """Everything that this municipality asks of this caller; `needed` is what to bring before any of it."""
    admission: Admission = request.app.state.admission
    needed = await admission.lacks(caller, invitation_code)
    intake: Intake = request.app.state.intake
    forms = narrowed(intake.forms(caller.municipality), caller)
    told = forms_json(forms, professional=caller.is_professional)
    state = intake.state(caller.municipality)
    files = files_json(intake.file_limits(caller.municipality))
    return {**told, **rules_json(state), "needed": needed, "files": files}


@router.get("/api/v1/signal-types/{code}/form", response_model=answers.FormShown)
async def form(request: Request, caller: Caller, code: Code) -> dict[str, Any]:
    """The form for one signal type: JSON Schema (2020-12) of the report, and hints for who shows it.

    What the schema accepts, `POST /api/v1/reports` accepts, today and from this caller.
    """
    intake: Intake = request.app.state.intake
    require_type(caller, code)
    found = intake.form(caller.municipality, code, **of_caller(caller))
    return form_json(replace(found, forms=narrowed(found.forms, caller)))


@router.get("/api/v1/signal-types/{code}/versions/{version}", response_model=answers.FormThen)
async def form_then(request: Request, caller: Caller, code: Code, version: _Version) -> dict[str, Any]:
    """A signal type and the general questions as they were at a version of the forms.

    A report's `formsVersion` shows the form that its reporter saw, also when the type was retired since.
    """
    editing: Editing = request.app.state.editing
    forms = await editing.forms_at(caller.municipality, version)
    kind = forms.signal_types.get(code)
    if kind is None or (kind.is_for_professionals_only and not caller.is_professional):
        raise NotFound("There was no such signal type for you at this version.")
    professional = caller.is_professional
    return {
        "version": version,
        "signalType": type_json(kind, professional=professional),
        "generalQuestions": questions_json(forms.general_questions, professional=professional),
    }


def of_caller(caller: Identity) -> dict[str, Any]:
    """What a form depends on of who asks for it."""
    channels = tuple(each.value for each in channels_of(caller))
    return {"professional": caller.is_professional, "channels": channels}


def form_json(form: Form) -> dict[str, Any]:
    """A form as the API shows it."""
    return {
        "code": form.kind.code,
        "name": form.kind.name,
        "description": form.kind.description,
        "version": form.forms.version,
        "schema": form.schema,
        "ui": hints_json(form),
    }
