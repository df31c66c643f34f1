"""How a reporter stands behind a report, and what that asks of it: anonymous, in confidence, or by name."""

from collections.abc import Iterator
from enum import StrEnum

from intake.domain.faults import Fault
from intake.domain.forms import SignalType


class Mode(StrEnum):
    """Who may learn the reporter's name and phone."""

    ANONYMOUS = "anoniem"  # nobody: they are not given
    CONFIDENTIAL = "vertrouwelijk"  # sealed apart; only a custodian holds that key
    BY_NAME = "op-naam"  # sealed with the report, for every handler who opens it


def check_reporter(mode: Mode | None, kind: SignalType, *, has_name: bool, has_phone: bool) -> list[Fault]:
    """What is wrong with who reports; without a mode a name and a phone may be given or not."""
    if mode is Mode.ANONYMOUS and kind.needs_name:
        return [
            Fault(
                "/mode",
                "name-needed",
                "Deze melding kan niet anoniem. Kies vertrouwelijk of op naam, en geef uw naam.",
                "This cannot be reported anonymously. Choose vertrouwelijk or op-naam, and give your name.",
            )
        ]
    if mode is Mode.ANONYMOUS:
        return list(_not_anonymous(has_name=has_name, has_phone=has_phone))
    if kind.needs_name and not has_name:
        return [
            _needed(
                "name-needed",
                "Geef uw naam: deze melding kan niet anoniem.",
                "Give your name: this type cannot be reported anonymously.",
            )
        ]
    if mode is Mode.BY_NAME and not has_name:
        return [
            _needed(
                "missing",
                "Geef uw naam, of kies anoniem of vertrouwelijk.",
                "Give your name, or choose anoniem or vertrouwelijk.",
            )
        ]
    if mode is Mode.CONFIDENTIAL and not (has_name or has_phone):
        return [
            _needed(
                "missing",
                "Geef uw naam of telefoonnummer, of kies anoniem.",
                "Give your name or phone number, or choose anoniem.",
            )
        ]
    return []


def _not_anonymous(*, has_name: bool, has_phone: bool) -> Iterator[Fault]:
    dutch = "Laat dit leeg, of kies vertrouwelijk of op naam: anoniem melden gaat zonder naam en nummer."
    english = "Leave this out, or choose vertrouwelijk or op-naam: anoniem goes without name and number."
    for field, is_given in (("name", has_name), ("phone", has_phone)):
        if is_given:
            yield Fault(f"/contact/{field}", "not-anonymous", dutch, english)


def _needed(code: str, dutch: str, english: str) -> Fault:
    return Fault("/contact/name", code, dutch, english)
