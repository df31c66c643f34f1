"""Reports that came in elsewhere first: by phone, at the counter, by mail or through Meld Misdaad Anoniem."""

from datetime import datetime, timedelta

from intake.domain.faults import Fault

#: The channels of what came in elsewhere; only staff names them.
ENTERED_BY = ("telefoon", "mail", "balie", "mma")
OLDEST = timedelta(days=366)
_CLOCKS_APART = timedelta(minutes=5)


def check_received_elsewhere(at: datetime | None, *, is_entered: bool, now: datetime) -> list[Fault]:
    """What is wrong with the time at which a report was first told; `is_entered` by the report's channel."""
    if at is None:
        return []
    if not is_entered:
        return [
            _fault(
                "not-entered",
                "Kies ook het kanaal (telefoon, mail, balie of mma), of laat dit weg.",
                "Name the channel too (telefoon, mail, balie or mma), or leave this out.",
            )
        ]
    if at > now + _CLOCKS_APART:
        return [
            _fault(
                "in-the-future",
                "Dit tijdstip is nog niet geweest. Geef wanneer de melding binnenkwam.",
                "This has not been yet. Give the time at which the report came in.",
            )
        ]
    if at < now - OLDEST:
        return [
            _fault(
                "too-long-ago",
                f"Dit is langer dan {OLDEST.days} dagen geleden. Kijk het jaar na, of laat dit weg.",
                f"This is more than {OLDEST.days} days ago. Check the year, or leave this out.",
            )
        ]
    return []


def _fault(code: str, dutch: str, english: str) -> Fault:
    return Fault("/receivedElsewhereAt", code, dutch, english)
