"""What the notifier decides: when mails leave and what they name, when to try one again, and when to stop."""

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from common.coarse import QUARTER, CoarseTime, coarse

#: Replies that one question takes; more would be a flood.
MAX_REPLIES = 10

LANGUAGES = ("nl", "en")

_MUNICIPALITY = re.compile("gemeente ", re.IGNORECASE)
#: A full stop only where it makes no link: "St. Anna", "Bergen (L.)".
_NAME = re.compile(r"(?:[A-Za-zÀ-ÖØ-öø-ÿ0-9 ,'’()-]|\.(?=[ )])){1,60}")

#: The mails of a quarter of an hour leave together, at a second of the next one, drawn for all of them.
ROUND_SECONDS = int(QUARTER.total_seconds())
#: Never in its first minute: what arose at the end of a quarter would miss its round, come alone, and say so.
SETTLE_SECONDS = 60


class Outcome(StrEnum):
    """How one attempt to deliver ended."""

    SENT = "sent"
    REFUSED = "refused"  # for good: another attempt would end the same
    DEFERRED = "deferred"  # not now
    AWAY = "away"  # nobody answered; says nothing about this message


@dataclass(frozen=True)
class Next:
    """What becomes of a delivery after an attempt."""

    state: str
    attempts: int
    due_at: datetime
    ended_at: CoarseTime | None


def after_attempt(outcome: Outcome, attempts: int, retry_seconds: Sequence[float], now: datetime) -> Next:
    """The next state of a delivery of which this was attempt number `attempts` (from 1).

    A mail server that is away costs no attempt; a delivery ends after the last of `retry_seconds`.
    """
    if outcome is Outcome.SENT:
        return Next("sent", attempts, coarse(now), coarse(now))
    if outcome is Outcome.AWAY:
        return Next("queued", attempts - 1, now + timedelta(seconds=retry_seconds[0]), None)
    if outcome is Outcome.REFUSED or attempts > len(retry_seconds):
        return Next("failed", attempts, coarse(now), coarse(now))
    return Next("queued", attempts, now + timedelta(seconds=retry_seconds[attempts - 1]), None)


def name_in_mail(municipality: str, display_name: str) -> str | None:
    """A municipality's name as its mails may tell it: its code, but for capitals, accents and signs.

    "Gemeente" may stand before it. None where it says anything else. To a reporter the code is certain: their
    sealed address opens under no other. So who writes rows puts no words into a mail.
    """
    if not _NAME.fullmatch(display_name):
        return None
    bare = display_name[found.end() :] if (found := _MUNICIPALITY.match(display_name)) else display_name
    return display_name if _spelled(bare) == _spelled(municipality) else None


def _spelled(name: str) -> str:
    return "".join(each for each in unicodedata.normalize("NFKD", name.casefold()) if each.isalnum())


def language_of(wanted: str | None) -> str:
    """The language in which somebody is addressed."""
    return wanted if wanted in LANGUAGES else "nl"
