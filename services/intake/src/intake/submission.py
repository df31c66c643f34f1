"""A report as it came through the door, before anything is decided."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from zoneinfo import ZoneInfo

from common.contracts.codes import Channel
from common.contracts.gateway import MunicipalityConfigured
from common.errors import FieldError, Malformed

from intake import domain
from intake.domain import Fault, FormSet, Mode, Pin, SignalType
from intake.files.claims import Claim

_ZONE = ZoneInfo("Europe/Amsterdam")
#: The doors at which staff takes reports in for others.
STAFF_CHANNELS = frozenset(Channel(each) for each in domain.ENTERED_BY)
#: Fields that came after the first version.
_LATER = frozenset({"attachments", "hide", "mode", "location_type", "pin", "received_elsewhere_at"})


@dataclass(frozen=True)
class NewReport:
    """A report; nothing in it is checked yet but its types."""

    signal_type: str
    description: str
    answers: Mapping[str, object]
    reporter_kind: str
    channel: Channel
    language: str
    neighbourhood: str | None = None
    address: str | None = None
    observed_on: str | None = None  # a day, once it is checked
    mail: str | None = None
    name: str | None = None
    phone: str | None = None
    is_professional: bool = False
    attachments: tuple[Claim, ...] = ()
    hide: tuple[str, ...] = ()  # what the reporter wants hidden besides
    mode: Mode | None = None
    location_type: str | None = None
    pin: Pin | None = None
    received_elsewhere_at: datetime | None = None  # UTC; when it was first told, by phone or at the counter

    @property
    def is_entered(self) -> bool:
        """Did staff enter it for somebody?"""
        return self.channel in STAFF_CHANNELS

    @property
    def sealed_only(self) -> dict[str, object]:
        """What only its handlers may read, of what was given."""
        told: dict[str, object] = {}
        if self.mode:
            told["mode"] = self.mode
        if self.mode is Mode.BY_NAME:
            told["reporter"] = {"name": self.name, "phone": self.phone}
        if self.location_type:
            told["locationType"] = self.location_type
        if self.pin:
            told["location"] = {"latitude": self.pin.latitude, "longitude": self.pin.longitude}
        if self.received_elsewhere_at:
            told["receivedElsewhereAt"] = self.received_elsewhere_at.isoformat()
        return told

    @property
    def canonical(self) -> bytes:
        """Bytes that are equal for equal reports; later fields count only where they are given.

        So a report without them that comes again after an upgrade is still the same.
        """
        told = {name: value for name, value in vars(self).items() if name not in _LATER or value}
        return json.dumps(told, sort_keys=True, default=str, ensure_ascii=False).encode()


def local_day(moment: datetime) -> date:
    """The day in the Netherlands."""
    return moment.astimezone(_ZONE).date()


def checked(
    report: NewReport, forms: FormSet, state: MunicipalityConfigured, now: datetime
) -> tuple[SignalType, domain.Answers]:
    """The signal type and the valid answers of a report; raises `Malformed` with every fault at once."""
    today = local_day(now)
    faults = [*_faults_around(report, forms, state, today)]
    faults += domain.check_received_elsewhere(
        report.received_elsewhere_at, is_entered=report.is_entered, now=now
    )
    kind = forms.signal_types.get(report.signal_type)
    answers = domain.Answers({}, {})
    if kind is not None and domain.is_offered(kind, professional=report.is_professional):
        try:
            answers = domain.check_answers(
                forms, kind, report.answers, professional=report.is_professional, today=today
            )
        except domain.InvalidReport as error:
            faults += error.faults
    if faults or kind is None:
        fields = [FieldError(each.pointer, each.code, each.dutch, each.english) for each in faults]
        raise Malformed("Some fields are not valid.", errors=fields)
    return kind, answers


def _faults_around(
    report: NewReport, forms: FormSet, state: MunicipalityConfigured, today: date
) -> Iterator[Fault]:
    yield from domain.check_report(
        forms,
        report.signal_type,
        report.reporter_kind,
        report.description,
        has_name=bool(report.name),
        has_phone=bool(report.phone),
        mode=report.mode,
        professional=report.is_professional,
    )
    yield from domain.check_place(
        report.neighbourhood,
        report.location_type,
        report.pin,
        neighbourhoods={each.code: each.name for each in state.neighbourhoods},
        location_types=forms.location_types,
    )
    day = None if report.observed_on is None else domain.day_fault("/observedOn", report.observed_on, today)
    if day:
        yield day
