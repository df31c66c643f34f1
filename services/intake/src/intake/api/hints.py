"""How a form is best shown: what JSON Schema cannot tell, by JSON Pointer into the report."""

from collections.abc import Mapping
from typing import Any

from intake.api.shown import files_json, rules_json
from intake.domain import (
    MANY_OPTIONS,
    YES_NO_UNKNOWN,
    FormSet,
    Question,
    QuestionKind,
    SignalType,
    option_label,
    questions_of,
)
from intake.form import Form

_ACUTE = "acuut"
_TRACEABLE = "herleidbaar"
_WIDGETS: Mapping[QuestionKind, str] = {
    QuestionKind.CHOICE: "radio",
    QuestionKind.YES_NO_UNKNOWN: "radio",
    QuestionKind.MULTI_CHOICE: "checkboxes",
    QuestionKind.TEXT: "textarea",
    QuestionKind.DATE: "date",
    QuestionKind.NUMBER: "number",
}
#: The fields that every report has: pointer, widget, Dutch label.
_BEFORE = (("/description", "textarea", "Wat merkte u?"),)
_PLACE = (
    ("/address", "text", "Adres of plek"),
    ("/neighbourhood", "text", "Buurt"),
    ("/locationType", "select", "Soort plek"),
    ("/location", "pin", "Plek op de kaart"),
)
_AFTER = (
    ("/reporterKind", "select", "Wie bent u?"),
    ("/mode", "radio", "Hoe wilt u melden?"),
    ("/contact/mail", "email", "Uw mailadres"),
    ("/contact/name", "text", "Uw naam"),
    ("/contact/phone", "tel", "Uw telefoonnummer"),
)


def hints_json(form: Form) -> dict[str, Any]:
    """The hints for one form: order, labels, widgets, what to look for, and when to say: call 112."""
    kind, forms = form.kind, form.forms
    asked = questions_of(forms, kind, professional=form.professional)
    own = [each for each in asked if each in kind.questions]
    general = [each for each in asked if each not in kind.questions]
    fields: dict[str, Any] = {}
    for rows, questions in ((_BEFORE, own), (_PLACE, general), (_AFTER, [])):
        fields |= {pointer: _row(widget, label, pointer, form) for pointer, widget, label in rows}
        fields |= {f"/answers/{each.code}": _question(each) for each in questions}
    return {
        **rules_json(form.state),
        "order": list(fields),
        "fields": fields,
        "indicators": list(kind.indicators),
        "indicatorsByRole": {role: list(each) for role, each in kind.indicators_by_role.items()},
        "safetyTip": kind.safety_tip,
        "needsName": kind.needs_name,
        "emergency": {"call": "112", "rules": _rules(kind, acute=True)},
        "urgencyRules": _rules(kind, acute=False),
        "traceable": _traceable(forms),
        "redirects": [
            {"code": code, "name": name, "redirect": redirect} for code, name, redirect in forms.out_of_scope
        ],
        "files": files_json(form.limits),
    }


def _row(widget: str, label: str, pointer: str, form: Form) -> dict[str, Any]:
    options = {
        "/locationType": [_option(code) for code in form.forms.location_types],
        "/reporterKind": [_option(code) for code in form.forms.reporter_roles],
        "/neighbourhood": [{"value": each.code, "label": each.name} for each in form.state.neighbourhoods],
    }.get(pointer, [])
    is_list = pointer == "/neighbourhood" and options
    return _field(label, "select" if is_list else widget, options=options, required=pointer == "/description")


def _question(question: Question) -> dict[str, Any]:
    codes = YES_NO_UNKNOWN if question.kind is QuestionKind.YES_NO_UNKNOWN else question.options
    widget = _WIDGETS[question.kind]
    if widget == "radio" and len(codes) > MANY_OPTIONS:
        widget = "select"
    options = [{"value": code, "label": option_label(question, code)} for code in codes]
    hints = _field(question.label, widget, options=options, required=question.is_required)
    return {**hints, "help": question.help_text, "showWhen": dict(question.show_when)}


def _field(label: str, widget: str, *, options: list[dict[str, str]], required: bool) -> dict[str, Any]:
    return {
        "label": label,
        "widget": widget,
        "help": "",
        "options": options,
        "isRequired": required,
        "showWhen": {},
    }


def _option(code: str) -> dict[str, str]:
    return {"value": code, "label": option_label(None, code)}


def _rules(kind: SignalType, *, acute: bool) -> list[dict[str, Any]]:
    return [
        {"when": dict(rule.when), "urgency": rule.urgency, "explanation": rule.explanation}
        for rule in kind.urgency_rules
        if (rule.urgency == _ACUTE) is acute
    ]


def _traceable(forms: FormSet) -> dict[str, str] | None:
    """The question whose `ja` tells that only the reporter could know this."""
    found = next((each for each in forms.general_questions if each.code == _TRACEABLE), None)
    return {"pointer": f"/answers/{_TRACEABLE}", "answer": "ja", "help": found.help_text} if found else None
