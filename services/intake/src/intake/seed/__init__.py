"""The signal types and questions with which every municipality starts; facts live in signaltypes.yaml."""

from collections.abc import Mapping
from functools import lru_cache
from importlib.resources import files
from typing import Any

import yaml

from intake.domain import FormSet, Question, QuestionKind, SignalType, UrgencyRule

_APART = 10  # room between two types, for a municipality's own


@lru_cache(maxsize=1)
def load_seed() -> FormSet:
    """The packaged forms as version 1; raises KeyError or ValueError when the data breaks its shape."""
    text = files(__name__).joinpath("signaltypes.yaml").read_text(encoding="utf-8")
    data = yaml.load(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))  # noqa: S506 -- both are safe
    types = [_signal_type(each, position) for position, each in enumerate(data["signaaltypes"])]
    return FormSet(
        version=1,
        signal_types={each.code: each for each in types},
        general_questions=tuple(_question(each) for each in data["algemene_vragen"]),
        reporter_roles=tuple(data["melderrollen"]),
        location_types=tuple(data["locatietypen"]),
        out_of_scope=tuple(
            (each["code"], each["naam"], each["doorverwijzing"]) for each in data["buiten_scope"]
        ),
        seed_version=data["versie"],
    )


def _signal_type(data: Mapping[str, Any], position: int) -> SignalType:
    routing, urgency = data["routering"], data["urgentie"]
    return SignalType(
        code=data["code"],
        name=data["naam"],
        description=data["omschrijving"],
        indicators=tuple(data["indicatoren"]),
        indicators_by_role={role: tuple(each) for role, each in data["indicatoren_per_rol"].items()},
        questions=tuple(_question(each) for each in data["vragen"]),
        default_urgency=urgency["standaard"],
        urgency_rules=tuple(_rule(each) for each in urgency.get("regels", ())),
        safety_tip=data["veilig"],
        department=routing["afdeling"],
        readers=tuple(routing["meelezen"]),
        partners=tuple(routing["partners"]),
        is_active=bool(data["standaard_actief"]),
        is_restricted=bool(data.get("afgeschermd", False)),
        is_for_professionals_only="professional" in data.get("zichtbaar_voor", ()),
        needs_name=bool(routing.get("alleen_op_naam", False)),
        position=position * _APART,
    )


def _rule(data: Mapping[str, Any]) -> UrgencyRule:
    when = {code: _text(wanted) for code, wanted in data["als"].items()}
    return UrgencyRule(when, data["dan"], data.get("uitleg", ""))


def _question(data: Mapping[str, Any]) -> Question:
    return Question(
        code=data["code"],
        label=data["vraag"],
        kind=QuestionKind(data["type"]),
        options=tuple(_text(option) for option in data.get("opties", ())),
        is_required=bool(data.get("verplicht", False)),
        for_professionals_only=bool(data.get("alleen_professional", False)),
        help_text=data.get("uitleg", ""),
        show_when={code: _text(wanted) for code, wanted in data.get("alleen_als", {}).items()},
    )


def _text(value: object) -> str:
    """YAML reads a bare `ja` as text but `no` and numbers as their own types; codes are always text."""
    return {True: "ja", False: "nee"}.get(value, str(value)) if isinstance(value, bool) else str(value)
