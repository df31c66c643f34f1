"""Which signal types are restricted, and what a changed form takes away of that."""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import replace

from intake.domain.faults import Fault
from intake.domain.forms import FormSet, SignalType

_RESTRICTION, _PARTNER = "restriction", "partner:"


def restricting(forms: FormSet, codes: Collection[str]) -> FormSet:
    """These forms, with the types of these codes restricted whatever their own documents say."""
    kinds = {
        code: replace(kind, is_restricted=kind.is_restricted or code in codes)
        for code, kind in forms.signal_types.items()
    }
    return replace(forms, signal_types=kinds)


def lifted(before: SignalType, after: SignalType, *, is_restricted: bool) -> tuple[str, ...]:
    """What a change takes away of a type's protection: `restriction`, and `partner:CODE` of each that is new.

    `is_restricted` says whether the type is restricted now, by its own document or by what was signed.
    """
    restriction = (_RESTRICTION,) if before.is_restricted and not after.is_restricted else ()
    partners = sorted(set(after.partners) - set(before.partners)) if is_restricted else ()
    return (*restriction, *(f"{_PARTNER}{each}" for each in partners))


def lifting_faults(gone: Sequence[str]) -> Iterator[Fault]:
    """Why nobody alone takes away what `lifted` names, field by field."""
    if _RESTRICTION in gone:
        yield Fault(
            "/isRestricted",
            "lifts-restriction",
            "Dit type is afgeschermd. Laat een ander dit publiceren, of zet isRestricted op true.",
            "This type is restricted. Let somebody else publish this, or set isRestricted to true.",
        )
    partners = ", ".join(each.removeprefix(_PARTNER) for each in gone if each != _RESTRICTION)
    if partners:
        yield Fault(
            "/partners",
            "widens-partners",
            f"Dit type is afgeschermd. Laat een ander dit publiceren, of haal deze weg: {partners}.",
            f"This type is restricted. Let somebody else publish this, or take these away: {partners}.",
        )
