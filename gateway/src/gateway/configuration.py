"""The full state of one municipality as an administrator writes it, and what may be wrong with it."""

import re
from collections.abc import Iterable, Iterator

from common.contracts.base import WireModel
from common.contracts.codes import Code, FormLayout, KeyGroup, WhoMayReport
from common.contracts.gateway import (
    Department,
    FileLimits,
    GroupKey,
    MunicipalityConfigured,
    Neighbourhood,
    Partner,
    Protections,
    Signer,
    Subscription,
)
from common.errors import FieldError
from common.messaging.envelope import TooLarge, encode
from common.sealing import decode
from common.vouching import NotVouched, current_signer, require_group_key, require_protections
from pydantic import ConfigDict, Field

_HOST = re.compile(r"[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?(:\d{1,5})?")
_STRICT = ConfigDict(extra="forbid")


class DepartmentState(Department):
    """A desk; unknown fields are errors."""

    model_config = _STRICT


class SubscriptionState(Subscription):
    """A subscription; unknown fields are errors."""

    model_config = _STRICT


class PartnerState(Partner):
    """A partner; unknown fields are errors."""

    model_config = _STRICT
    subscription: SubscriptionState | None = None


class GroupKeyState(GroupKey):
    """The public half of a key group; unknown fields are errors."""

    model_config = _STRICT


class SignerState(Signer):
    """A key that vouches for the others; unknown fields are errors."""

    model_config = _STRICT


class ProtectionsState(Protections):
    """What protects reports; `sign-keys` fills in all but the types; unknown fields are errors."""

    model_config = _STRICT

    text_in_clear: bool = False
    restricted_types: tuple[Code, ...] | None = Field(default=None, max_length=200)


class FileLimitsState(FileLimits):
    """The municipality's own limits for files; unknown fields are errors."""

    model_config = _STRICT


class NeighbourhoodState(Neighbourhood):
    """A part of the municipality; unknown fields are errors."""

    model_config = _STRICT

    name: str = Field(min_length=1, max_length=80)


class MunicipalityState(WireModel):
    """Everything that the gateway owns of one municipality; what is left out is removed."""

    model_config = _STRICT

    code: Code
    display_name: str = Field(min_length=1, max_length=200)
    text_in_clear: bool
    catch_all_department: Code
    departments: tuple[DepartmentState, ...] = Field(min_length=1)
    partners: tuple[PartnerState, ...] = ()
    keys: tuple[GroupKeyState, ...] = Field(min_length=1)
    signers: tuple[SignerState, ...] = Field(default=(), max_length=50)
    protections: ProtectionsState | None = None
    hosts: tuple[str, ...] = ()
    file_limits: FileLimitsState | None = None
    neighbourhoods: tuple[NeighbourhoodState, ...] = Field(default=(), max_length=600)
    form_layout: FormLayout = FormLayout.ALL_ON_ONE
    who_may_report: WhoMayReport = WhoMayReport.OPEN
    four_eyes_on_forms: bool = False

    def as_event(self, version: int) -> MunicipalityConfigured:
        """What the other services hear of it."""
        return MunicipalityConfigured(
            municipality=self.code,
            version=version,
            display_name=self.display_name,
            text_in_clear=self.text_in_clear,
            departments=self.departments,
            catch_all_department=self.catch_all_department,
            partners=self.partners,
            keys=self.keys,
            signers=self.signers,
            protections=self.protections,
            file_limits=self.file_limits,
            neighbourhoods=self.neighbourhoods,
            form_layout=self.form_layout,
            who_may_report=self.who_may_report,
            four_eyes_on_forms=self.four_eyes_on_forms,
        )


def faults_of(state: MunicipalityState) -> list[FieldError]:
    """Everything that is wrong with a state beyond the types of its fields."""
    faults = [
        *_repeats("/departments", "code", (each.code for each in state.departments)),
        *_repeats("/partners", "code", (each.code for each in state.partners)),
        *_repeats("/keys", "group", (each.group.value for each in state.keys)),
        *_repeats("/keys", "keyId", (each.key_id for each in state.keys)),
        *_repeats("/hosts", "", state.hosts),
        *_repeats("/neighbourhoods", "code", (each.code for each in state.neighbourhoods)),
        *_repeats("/neighbourhoods", "name", (each.name for each in state.neighbourhoods)),
        *_bad_keys(state),
        *_bad_signers(state),
        *_bad_hosts(state),
    ]
    if state.catch_all_department not in {each.code for each in state.departments}:
        faults.append(
            FieldError(
                "/catchAllDepartment",
                "unknown-department",
                "Deze afdeling staat niet bij departments.",
                "This department is not among departments.",
            )
        )
    if KeyGroup.GENERAL not in {each.group for each in state.keys}:
        faults.append(
            FieldError(
                "/keys",
                "no-general-key",
                "Er is geen sleutel voor de groep general.",
                "There is no key for the group general.",
            )
        )
    return [*faults, *_too_large(state)]


def _too_large(state: MunicipalityState) -> Iterator[FieldError]:
    try:
        encode(state.as_event(1))
    except TooLarge:
        yield FieldError(
            "",
            "too-large",
            "De hele toestand past niet in één bericht van 64 KiB; maak namen korter of lijsten kleiner.",
            "The whole state does not fit one message of 64 KiB; shorten names or lists.",
        )


def _repeats(pointer: str, member: str, values: Iterable[str]) -> Iterator[FieldError]:
    seen: set[str] = set()
    for index, value in enumerate(values):
        if value in seen:
            place = f"{pointer}/{index}/{member}" if member else f"{pointer}/{index}"
            yield FieldError(place, "repeated", "Dit komt twee keer voor.", "This appears twice.")
        seen.add(value)


def _bad_keys(state: MunicipalityState) -> Iterator[FieldError]:
    for index, key in enumerate(state.keys):
        try:
            is_key = len(decode(key.public_key)) == 32
        except ValueError:
            is_key = False
        if not is_key:
            yield FieldError(
                f"/keys/{index}/publicKey",
                "not-a-public-key",
                "Dit is geen publieke X25519-sleutel (32 bytes in base64url).",
                "This is not an X25519 public key (32 bytes in base64url).",
            )


def _bad_signers(state: MunicipalityState) -> Iterator[FieldError]:
    try:
        signer = current_signer(state.code, state.signers)
    except NotVouched as error:
        yield signers_fault(str(error))
        return
    yield from _bad_protections(state, signer)
    for index, key in enumerate(state.keys):
        try:
            require_group_key(state.code, key, signer)
        except NotVouched:
            yield FieldError(
                f"/keys/{index}/signature",
                "key-not-signed",
                "De laatste ondertekenaar heeft deze sleutel niet getekend; zie `sign-keys`.",
                "The last signer did not sign this key; see `sign-keys`.",
            )


def _bad_protections(state: MunicipalityState, signer: str) -> Iterator[FieldError]:
    if state.protections is None:
        return
    try:
        require_protections(state.code, state.protections, signer)
    except NotVouched as error:
        yield FieldError(
            "/protections/signature",
            str(error),
            "De laatste ondertekenaar heeft dit niet getekend; zie `sign-keys`.",
            "The last signer did not sign this; see `sign-keys`.",
        )
    if state.protections.text_in_clear != state.text_in_clear:
        yield FieldError(
            "/textInClear",
            "not-as-signed",
            "Bij protections is iets anders getekend. Teken het bestand opnieuw met `sign-keys`.",
            "Something else was signed in protections. Sign the file again with `sign-keys`.",
        )


def signers_fault(code: str) -> FieldError:
    """What is wrong with the signers, for a code of `NotVouched`."""
    dutch, english = _SIGNER_FAULTS[code]
    return FieldError("/signers", code, dutch, english)


_SIGNER_FAULTS = {
    "no-signer": (
        "Er is geen ondertekenaar: niemand staat in voor de sleutels. Zie `sign-keys`.",
        "There is no signer: nobody vouches for the keys. See `sign-keys`.",
    ),
    "signer-not-signed": (
        "Een ondertekenaar is niet getekend door de vorige.",
        "A signer is not signed by the one before it.",
    ),
    "other-signer": (
        "De ondertekenaar van nu staat hier niet bij. Een nieuwe komt erachter, door die van nu getekend.",
        "The signer that counts now is not among these. A new one comes after it, signed by it.",
    ),
}


def _bad_hosts(state: MunicipalityState) -> Iterator[FieldError]:
    for index, host in enumerate(state.hosts):
        if not _HOST.fullmatch(host):
            yield FieldError(
                f"/hosts/{index}",
                "not-a-host",
                "Schrijf alleen de hostnaam, in kleine letters, zonder https://.",
                "Write the host name only, in lower case, without https://.",
            )
