"""What is wrong with a report apart from its answers."""

from intake.domain.faults import Fault
from intake.domain.forms import FormSet, SignalType
from intake.domain.reporters import Mode, check_reporter

MAX_PROSE = 10_000
MAX_LINE = 200


def check_report(
    forms: FormSet,
    signal_type: str,
    reporter_kind: str,
    description: str,
    *,
    has_name: bool,
    professional: bool,
    has_phone: bool = False,
    mode: Mode | None = None,
) -> list[Fault]:
    """What is wrong with a report apart from its answers and its place; empty when nothing is."""
    kind = forms.signal_types.get(signal_type)
    if kind is None or not is_offered(kind, professional=professional):
        faults = [_unknown_type(forms, professional=professional)]
    else:
        faults = check_reporter(mode, kind, has_name=has_name, has_phone=has_phone)
    found = (_check_reporter_kind(forms, reporter_kind), _check_description(description))
    return [*faults, *(fault for fault in found if fault)]


def is_offered(kind: SignalType, *, professional: bool) -> bool:
    """May this caller report it now?"""
    return kind.is_active and (professional or not kind.is_for_professionals_only)


def _unknown_type(forms: FormSet, *, professional: bool) -> Fault:
    kinds = forms.signal_types.values()
    listed = ", ".join(each.code for each in kinds if is_offered(each, professional=professional))
    return Fault(
        "/signalType", "unknown-signal-type", f"Kies een van: {listed}.", f"Choose one of: {listed}."
    )


def _check_reporter_kind(forms: FormSet, kind: str) -> Fault | None:
    if kind in forms.reporter_roles:
        return None
    roles = ", ".join(forms.reporter_roles)
    return Fault(
        "/reporterKind", "unknown-reporter-kind", f"Kies een van: {roles}.", f"Choose one of: {roles}."
    )


def _check_description(description: str) -> Fault | None:
    if description.strip():
        return None
    return Fault(
        "/description", "missing", "Beschrijf wat u zag, hoorde of rook.", "Describe what you noticed."
    )
