"""A report as it came through the door, before anything is decided."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

from common.contracts.codes import Channel

from intake.domain import Mode, Pin
from intake.files.claims import Claim

_LATER = frozenset(
    {"attachments", "mode", "location_type", "pin"}
)  # fields that came after the first version


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
    observed_on: date | None = None
    mail: str | None = None
    name: str | None = None
    phone: str | None = None
    is_professional: bool = False
    attachments: tuple[Claim, ...] = ()
    hide: tuple[str, ...] = ()  # what the reporter wants hidden besides
    mode: Mode | None = None
    location_type: str | None = None
    pin: Pin | None = None

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
        return told

    @property
    def canonical(self) -> bytes:
        """Bytes that are equal for equal reports; later fields count only where they are given.

        So a report without them that comes again after an upgrade is still the same.
        """
        told = {name: value for name, value in vars(self).items() if name not in _LATER or value}
        return json.dumps(told, sort_keys=True, default=str, ensure_ascii=False).encode()
