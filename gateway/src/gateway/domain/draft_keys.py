"""The half of a draft's key that the gateway holds; the other half never leaves the reporter's browser."""

import re
from base64 import urlsafe_b64decode
from dataclasses import dataclass
from datetime import datetime, timedelta

DAY = timedelta(hours=24)
HALF_BYTES = 32
ID_PATTERN = r"[A-Za-z0-9_-]{21}[AQgw]"  # 16 bytes, base64url without padding
_ID = re.compile(ID_PATTERN)


@dataclass(frozen=True)
class DraftKey:
    """A half under the id that the browser drew for it; nothing here leads to a report or a person."""

    id: bytes
    half: bytes
    due_at: datetime


def id_of(written: str) -> bytes | None:
    """The 16 bytes of a draft's id; None for anything else."""
    return urlsafe_b64decode(written + "==") if _ID.fullmatch(written) else None


def due_at(now: datetime) -> datetime:
    """When a half made now is destroyed: at most a day away, and on the hour, so that it tells no moment."""
    return now.replace(minute=0, second=0, microsecond=0) + DAY
