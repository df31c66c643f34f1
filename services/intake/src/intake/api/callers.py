"""What a caller may say of a report: the door by which it came, and what an API key is bound to."""

from dataclasses import replace
from typing import Annotated

from common.auth import Identity
from common.contracts.codes import Channel, Role
from common.errors import FieldError, NotAllowed
from common.rooms import Account
from fastapi import Header

from intake.domain import FormSet
from intake.submission import STAFF_CHANNELS

InvitationCode = Annotated[
    str | None,
    Header(description="Where a municipality takes reports by invitation: the code that it gave."),
]
#: By this the gateway tells apart networks of who is unknown; what a client sends under this name ends there.
NetworkMark = Annotated[str, Header(max_length=64, include_in_schema=False)]


class KeyMayNotReport(NotAllowed):
    """The API key was made for something else."""

    code = "key-may-not-report"
    title = "This API key was not made to report"
    fix = (
        "Met deze API-sleutel kunt u niet melden. Vraag de gemeente om een met de rol reporter.",
        "This API key was not made to report. Ask the municipality for one with the role reporter.",
    )


class NotThisType(NotAllowed):
    """The API key is bound to other signal types."""

    code = "signal-type-not-allowed"
    title = "This API key may not report this signal type"


class NotThisKind(NotAllowed):
    """The API key is bound to another kind of reporter."""

    code = "reporter-kind-not-allowed"
    title = "This API key reports as another kind of reporter"


def require_reporting(caller: Identity) -> None:
    """Let anyone report but an API key that was made for something else (`KeyMayNotReport`)."""
    if caller.key_name is not None and not caller.is_professional:
        raise KeyMayNotReport("Ask the municipality for a key with the role reporter.")


def account_of(caller: Identity, network_mark: str) -> Account:
    """On whose account work is done: of who is known by person or key, of others by network."""
    mark = caller.mark or network_mark
    return Account(caller.municipality, (mark,) if mark else (), is_known=bool(caller.mark))


def require_type(caller: Identity, signal_type: str) -> None:
    """Raises `NotThisType` when the caller's key is bound to other signal types."""
    if caller.signal_types is None or signal_type in caller.signal_types:
        return
    listed = ", ".join(sorted(caller.signal_types))
    field = FieldError(
        "/signalType",
        "signal-type-not-allowed",
        f"Met deze sleutel kunt u melden: {listed}.",
        f"This key may report: {listed}.",
    )
    raise NotThisType(errors=[field])


def kind_for(caller: Identity, kind: str, *, is_given: bool) -> str:
    """As whom the caller reports: as its key says, else as given. Raises `NotThisKind` when they differ."""
    bound = caller.reporter_kind
    if bound is None:
        return kind
    if is_given and kind != bound:
        field = FieldError(
            "/reporterKind",
            "reporter-kind-not-allowed",
            f"Laat dit weg, of geef {bound}: daarvoor is deze sleutel gemaakt.",
            f"Leave this out, or give {bound}: this key was made for that.",
        )
        raise NotThisKind(errors=[field])
    return bound


def narrowed(forms: FormSet, caller: Identity) -> FormSet:
    """What this caller may report: an API key may be bound to types, and to a kind of reporter."""
    types, kind = forms.signal_types, caller.reporter_kind
    if caller.signal_types is not None:
        types = {code: each for code, each in types.items() if code in caller.signal_types}
    return replace(forms, signal_types=types, reporter_roles=(kind,) if kind else forms.reporter_roles)


def channels_of(caller: Identity) -> tuple[Channel, ...]:
    """The channels that this caller may name."""
    may_enter = Role.STAFF_ENTRY in caller.roles
    return tuple(each for each in Channel if may_enter or each not in STAFF_CHANNELS)


def channel_of(caller: Identity, wanted: Channel | None) -> Channel:
    """The door by which a report came; only staff enter what came by another (`NotAllowed`)."""
    if wanted in STAFF_CHANNELS:
        require_staff(caller)
        return wanted
    return Channel.API if caller.key_name is not None else wanted or Channel.FORM


def require_staff(caller: Identity) -> None:
    """Raises `NotAllowed` for who does not enter reports of others."""
    if Role.STAFF_ENTRY not in caller.roles:
        raise NotAllowed(
            "Only staff may enter reports that came by phone, mail, counter or MMA, and when they came."
        )
