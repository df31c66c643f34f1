"""What the gateway says: the full state of a municipality, for everyone."""

from typing import ClassVar
from uuid import UUID

from pydantic import Field

from common.contracts.base import Event, WireModel
from common.contracts.codes import Code, FormLayout, KeyGroup, WhoMayReport


class Department(WireModel):
    """A desk that can act on reports."""

    code: Code
    name: str
    mail: str | None = None  # a department's own address, told when work arrives


class Subscription(WireModel):
    """What a partner may be offered, and on which legal ground."""

    signal_types: tuple[Code, ...]
    ground: str


class Partner(WireModel):
    """An agency in the chain; without a subscription it is offered nothing."""

    code: Code
    name: str
    kind: str
    subscription: Subscription | None = None


class GroupKey(WireModel):
    """The public half of a key group; the private half lives in browsers only."""

    group: KeyGroup
    key_id: str
    public_key: str  # base64url X25519
    signature: str = ""  # base64url Ed25519, of the last signer


class Signer(WireModel):
    """A key with which the municipality's custodians vouch for its other keys (`common.vouching`)."""

    public_key: str  # base64url Ed25519
    signature: str = ""  # base64url, of the signer before it; the first has none


class Protections(WireModel):
    """What protects reports however a row reads: signed by the last signer (`common.vouching`)."""

    text_in_clear: bool  # may the anonymised text leave intake unsealed?
    restricted_types: tuple[Code, ...] | None = None  # null: those of the software's own forms
    signature: str = ""  # base64url Ed25519, of the last signer


class FileLimits(WireModel):
    """What a municipality takes along with a report; what is left out follows the installation."""

    max_count: int | None = Field(default=None, ge=0, le=50)
    max_photo_mib: int | None = Field(default=None, ge=1, le=100)
    max_pdf_mib: int | None = Field(default=None, ge=1, le=100)


class Neighbourhood(WireModel):
    """A part of the municipality; the code travels, the name is for people."""

    code: Code
    name: str


class MunicipalityConfigured(Event):
    """The full state of a municipality; hearers keep the highest version."""

    name: ClassVar[str] = "gateway.municipality-configured.v1"
    about: ClassVar[str] = "municipality"

    version: int
    display_name: str
    text_in_clear: bool  # may the anonymised text leave intake unsealed? only if `protections` says so too
    departments: tuple[Department, ...]
    catch_all_department: Code
    partners: tuple[Partner, ...]
    keys: tuple[GroupKey, ...]
    signers: tuple[Signer, ...] = ()  # oldest first; the last signed the keys
    protections: Protections | None = None  # none: no text in clear, and the software's restricted types
    file_limits: FileLimits | None = None
    neighbourhoods: tuple[Neighbourhood, ...] = ()  # none: a reporter may write any
    form_layout: FormLayout = FormLayout.ALL_ON_ONE
    who_may_report: WhoMayReport = WhoMayReport.OPEN
    four_eyes_on_forms: bool = False  # who publishes a form is not who edited it last

    @property
    def forbids_text(self) -> bool:
        """Whether the municipality, here or in what was signed, keeps every text sealed."""
        return not self.text_in_clear or (self.protections is not None and not self.protections.text_in_clear)


class Padding(Event):
    """Says nothing. Many of these push what was heard out of the broker's log (`messaging.padding`)."""

    name: ClassVar[str] = "gateway.padding.v1"
    about: ClassVar[str] = "padding_id"
    says_nothing: ClassVar[bool] = True

    padding_id: UUID  # new each time
    filler: str
