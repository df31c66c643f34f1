"""What staff adds to a report of somebody else: by which door it came, and when."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from common.contracts.codes import Channel
from starlette.datastructures import FormData

from gateway.pages.filled import iso_date
from gateway.rendering import Catalogue, Field, Option
from gateway.rendering.pages import ZONE

ENTRY_FIELDS = ("channel", "received_on", "received_at")
CHANNELS = (Channel.PHONE, Channel.COUNTER, Channel.MAIL, Channel.MMA)
_OLDEST = timedelta(days=366)
_CLOCKS_APART = timedelta(minutes=5)


@dataclass(frozen=True)
class Entry:
    """The door and the time, exactly as they were filled in."""

    channel: str = ""
    day: str = ""
    hour: str = ""

    @property
    def at(self) -> datetime | None:
        """When it came, if that is a moment; a day without an hour is noon."""
        try:
            day = date.fromisoformat(iso_date(self.day))
            hour = (
                time.fromisoformat(self.hour.strip().replace(".", ":").zfill(5))
                if self.hour.strip()
                else time(12)
            )
        except ValueError:
            return None
        return datetime.combine(day, hour.replace(tzinfo=None), ZONE)

    def faults(self, now: datetime) -> dict[str, str]:
        """What is wrong, by field: the key of its sentence under `entry.fault`."""
        found = {} if self.channel in CHANNELS else {"channel": "channel"}
        if not self.day.strip():
            return found | ({"received_on": "day_missing"} if self.hour.strip() else {})
        at = self.at
        if at is None:
            return found | {"received_on": "no_moment"}
        is_day_only = not self.hour.strip() and at.date() == now.astimezone(ZONE).date()
        if at > now + _CLOCKS_APART and not is_day_only:
            return found | {"received_on": "future"}
        return found | ({"received_on": "too_old"} if at < now - _OLDEST else {})

    def told(self, now: datetime) -> dict[str, Any]:
        """For intake; today without an hour is a moment ago, so that the same form gives the same body."""
        at = self.at
        if at is not None and not self.hour.strip() and at > now:
            at = datetime.combine(at.date(), time(), ZONE)
        return {"channel": self.channel, **({"receivedElsewhereAt": _utc(at)} if at else {})}

    def fields(self, text: Catalogue, faults: Mapping[str, str]) -> tuple[Field, ...]:
        """The controls."""

        def field(name: str, **more: Any) -> Field:  # noqa: ANN401 -- what a Field takes
            hint, fault = f"entry.field.{name}_hint", faults.get(name)
            return Field(
                name,
                str(text.text(f"entry.field.{name}")),
                hint=str(text.text(hint)) if text.has(hint) else None,
                error=str(text.text(f"entry.fault.{fault}")) if fault else None,
                **more,
            )

        options = tuple(Option(each, str(text.text(f"entry.channel.{each}"))) for each in CHANNELS)
        return (
            field("channel", kind="choice", value=self.channel, options=options, is_required=True),
            field("received_on", kind="date", value=self.day, autocomplete="off"),
            field("received_at", value=self.hour, autocomplete="off", max_length=5),
        )

    def at_moment(self, at: datetime | None) -> "Entry":
        """The same door, at this moment."""
        if at is None:
            return self
        here = at.astimezone(ZONE)
        return replace(self, day=here.date().isoformat(), hour=f"{here:%H:%M}")


def read_entry(form: FormData) -> Entry:
    """What a browser posted."""
    day, hour = str(form.get("received_on", "")), str(form.get("received_at", ""))
    return Entry(str(form.get("channel", "")), day, hour)


def _utc(at: datetime) -> str:
    return at.astimezone(UTC).isoformat()
