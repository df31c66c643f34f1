"""Which signal types are restricted."""

from collections.abc import Collection
from dataclasses import replace

from intake.domain.forms import FormSet


def restricting(forms: FormSet, codes: Collection[str]) -> FormSet:
    """These forms, with the types of these codes restricted whatever their own documents say."""
    kinds = {
        code: replace(kind, is_restricted=kind.is_restricted or code in codes)
        for code, kind in forms.signal_types.items()
    }
    return replace(forms, signal_types=kinds)
