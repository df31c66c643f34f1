"""The codes that travel between services; their Dutch names live where a person reads them."""

from enum import StrEnum
from typing import Annotated, NewType
from uuid import UUID

from pydantic import StringConstraints

ReportId = NewType("ReportId", UUID)
ReporterHandle = NewType("ReporterHandle", UUID)
PersonId = NewType("PersonId", UUID)

#: Lower-case letters, digits and dashes. No dots: codes become parts of routing keys.
Code = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9_-]{0,63}$")]


class Urgency(StrEnum):
    """How fast a report must be assessed, most urgent first."""

    ACUTE = "acuut"
    HIGH = "hoog"
    NORMAL = "normaal"
    LOW = "laag"

    @property
    def rank(self) -> int:
        """0 for the most urgent."""
        return list(Urgency).index(self)


class Channel(StrEnum):
    """The door through which a report came."""

    FORM = "formulier"
    APP = "app"
    API = "api"
    PHONE = "telefoon"
    MAIL = "mail"
    COUNTER = "balie"
    MMA = "mma"


class KeyGroup(StrEnum):
    """Who may open what: each group has a key pair per municipality."""

    GENERAL = "general"
    RESTRICTED = "restricted"
    IDENTITY = "identity"


class FormLayout(StrEnum):
    """How the pages of a municipality ask their questions."""

    ALL_ON_ONE = "all-on-one"
    ONE_PER_PAGE = "one-per-page"


class WhoMayReport(StrEnum):
    """From whom a municipality takes reports; people who signed in and API keys that report always may."""

    OPEN = "open"
    INVITED = "invited"  # by a code
    SIGNED_IN = "signed-in"


class Status(StrEnum):
    """Where a report stands; the permitted moves are casework's transition table."""

    NEW = "new"
    ASSESSING = "assessing"
    IN_PROGRESS = "in-progress"
    WAITING_FOR_REPORTER = "waiting-for-reporter"
    WAITING_FOR_PARTNER = "waiting-for-partner"
    CLOSED = "closed"
    REOPENED = "reopened"


class Result(StrEnum):
    """What came of a closed report."""

    NOT_UNDERMINING = "not-undermining"
    TOO_LITTLE_INFORMATION = "too-little-information"
    DUPLICATE = "duplicate"
    NOT_MUNICIPAL = "not-municipal"
    RECORDED = "recorded"
    SUPERVISION = "supervision"
    ADMINISTRATIVE_MEASURE = "administrative-measure"
    TO_POLICE = "to-police"
    TO_RIEC = "to-riec"
    TO_PARTNER = "to-partner"
    CARE = "care"
    INCORRECT = "incorrect"


class FeedbackKey(StrEnum):
    """Which text the reporter gets; the notifier owns the words."""

    RECEIVED = "received"
    TAKEN = "taken"
    QUESTION = "question"
    REPLY_RECEIVED = "reply-received"
    REOPENED = "reopened"
    CLOSED_NOT_UNDERMINING = "closed-not-undermining"
    CLOSED_TOO_LITTLE_INFORMATION = "closed-too-little-information"
    CLOSED_DUPLICATE = "closed-duplicate"
    CLOSED_NOT_MUNICIPAL = "closed-not-municipal"
    CLOSED_RECORDED = "closed-recorded"
    CLOSED_FOLLOWED_UP = "closed-followed-up"
    CLOSED_PASSED_ON = "closed-passed-on"
    CLOSED_CARE = "closed-care"
    CLOSED_INCORRECT = "closed-incorrect"


class ErasureGround(StrEnum):
    """On which ground a report was erased (article of the AVG); casework owns the words."""

    NOT_NEEDED = "not-needed"  # 17(1)(a)
    CONSENT_WITHDRAWN = "consent-withdrawn"  # 17(1)(b)
    OBJECTION = "objection"  # 17(1)(c)
    UNLAWFUL = "unlawful"  # 17(1)(d)
    LEGAL_DUTY = "legal-duty"  # 17(1)(e)
    INCORRECT = "incorrect"  # 5(1)(d)
    TERM_ENDED = "term-ended"  # 5(1)(e)
    OTHER = "other"

    @classmethod
    def _missing_(cls, value: object) -> "ErasureGround":  # noqa: ARG003 -- as `Enum` has it
        """Words that an older version took are not kept: an erasure must not fail for them."""
        return cls.OTHER


class PersonalClass(StrEnum):
    """A kind of personal data, as placeholders name it: `[PERSOON-1]`."""

    PERSON = "PERSOON"
    PHONE = "TELEFOON"
    MAIL = "EMAIL"
    ADDRESS = "ADRES"
    POSTCODE = "POSTCODE"
    PLATE = "KENTEKEN"
    IBAN = "IBAN"
    BSN = "BSN"
    DATE_OF_BIRTH = "GEBOORTEDATUM"
    DOCUMENT = "DOCUMENT"
    CHAMBER_OF_COMMERCE = "KVK"
    ACCOUNT = "SOCIAL"
    IP = "IP"
    OTHER = "OVERIG"  # what a person marked


class Correction(StrEnum):
    """What a handler found of an anonymised text."""

    MISS = "miss"  # it stood there in clear
    FALSE_HIT = "false-hit"  # it was hidden and is nobody's


class Role(StrEnum):
    """What a signed-in person or key may do; a person may hold several."""

    REPORTER = "reporter"  # a signed-in professional who reports
    HANDLER = "handler"
    PROCESS_MANAGER = "process-manager"
    ADMINISTRATOR = "administrator"
    PRIVACY_OFFICER = "privacy-officer"
    CUSTODIAN = "custodian"
    STAFF_ENTRY = "staff-entry"  # enters reports that came by phone, mail or counter
    EXPORT = "export"  # an API key that downloads CSV
