"""Forms as the API shows them."""

from collections.abc import Sequence
from typing import Any

from common.contracts.gateway import MunicipalityConfigured

from intake.domain import FormSet, Mode, Question, SignalType, is_offered
from intake.files.claims import FileLimits
from intake.files.kinds import FileKind


def forms_json(forms: FormSet, *, professional: bool) -> dict[str, Any]:
    """Everything that a municipality asks of this caller."""
    return {
        "version": forms.version,
        "signalTypes": [
            type_json(each, professional=professional)
            for each in forms.signal_types.values()
            if is_offered(each, professional=professional)
        ],
        "generalQuestions": questions_json(forms.general_questions, professional=professional),
        "reporterKinds": list(forms.reporter_roles),
        "locationTypes": list(forms.location_types),
        "outOfScope": [
            {"code": code, "name": name, "redirect": redirect} for code, name, redirect in forms.out_of_scope
        ],
    }


def type_json(kind: SignalType, *, professional: bool) -> dict[str, Any]:
    """One signal type as this caller sees it."""
    return {
        "code": kind.code,
        "name": kind.name,
        "description": kind.description,
        "indicators": list(kind.indicators),
        "indicatorsByRole": {role: list(each) for role, each in kind.indicators_by_role.items()},
        "questions": questions_json(kind.questions, professional=professional),
        "defaultUrgency": kind.default_urgency,
        "urgencyRules": [
            {"when": dict(rule.when), "urgency": rule.urgency, "explanation": rule.explanation}
            for rule in kind.urgency_rules
        ],
        "safetyTip": kind.safety_tip,
        "needsName": kind.needs_name,
        "isRestricted": kind.is_restricted,
    }


def questions_json(questions: Sequence[Question], *, professional: bool) -> list[dict[str, Any]]:
    """The questions that this caller is asked."""
    return [_question_json(each) for each in questions if professional or not each.for_professionals_only]


def _question_json(question: Question) -> dict[str, Any]:
    return {
        "code": question.code,
        "label": question.label,
        "kind": question.kind.value,
        "options": list(question.options),
        "optionLabels": dict(question.option_labels),
        "isRequired": question.is_required,
        "helpText": question.help_text,
        "showWhen": dict(question.show_when),
    }


def rules_json(state: MunicipalityConfigured) -> dict[str, Any]:
    """What the municipality asks of every report."""
    return {
        "formLayout": state.form_layout,
        "whoMayReport": state.who_may_report,
        "modes": list(Mode),
        "neighbourhoods": [each.model_dump() for each in state.neighbourhoods],
    }


def files_json(limits: FileLimits) -> dict[str, Any]:
    """What may go along with a report."""
    return {
        "maxCount": limits.max_count,
        "maxPhotoBytes": limits.max_photo_bytes,
        "maxPdfBytes": limits.max_pdf_bytes,
        "mediaTypes": [kind.value for kind in FileKind],
    }
