"""What a draft of a mail holds, and how a pasted text becomes one."""

import re
from dataclasses import dataclass, field
from datetime import MAXYEAR, UTC, datetime
from email.utils import parseaddr, parsedate_to_datetime

MAX_BYTES = 15 * 1024 * 1024  # of a mail with its attachments
MAX_TEXT = 10_000  # characters, as many as a report takes
LONGEST_LINE = 200  # characters of a name or an address
MOST_ENCLOSED = 20
_LONGEST_SENDER = 4_000
_FIRST_YEAR = 1970

#: Why a mail is not read; the words are in the catalogue `entry`.
REASONS = frozenset({"empty", "no_mail", "too_large", "too_deep", "damaged", "no_text", "too_heavy"})

#: Where the history of a conversation begins, in Dutch and English mail programs.
_HISTORY = re.compile(
    r"^(?:>.*|-{3,} ?(?:oorspronkelijk|doorgestuurd|original|forwarded)\b.*|_{10,}"
    r"|(?:op|on) .{5,200}(?:schreef|wrote)\b.{0,200}:|(?:van|from): .+)\s*$",
    re.IGNORECASE,
)
_SIGNATURE = "--"
_PASTED = re.compile(
    r"^(van|from|onderwerp|subject|datum|verzonden|date|sent|aan|to|cc)\s*:\s*(.*)$", re.IGNORECASE
)
_MEANS = {"van": "from", "onderwerp": "subject", "datum": "date", "verzonden": "date", "sent": "date"}


class MailRefused(Exception):
    """This cannot be read as a mail; `reason` is one of `REASONS`."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass(frozen=True)
class Enclosed:
    """A file that came with a mail, as it came: the door for files has yet to look at it."""

    name: str
    media_type: str
    content: bytes = field(repr=False)


@dataclass(frozen=True)
class Draft:
    """A mail as staff will find it in the form. Nothing of it is kept."""

    text: str
    sender_name: str = ""
    sender_address: str = ""
    sent_at: datetime | None = None  # aware
    left_out: str = ""  # older messages and the signature, which staff may put back
    enclosed: tuple[Enclosed, ...] = ()


def make_draft(subject: str, sender: str, date: str, body: str, enclosed: tuple[Enclosed, ...] = ()) -> Draft:
    """The draft of a mail whose parts are text already. Raises `MailRefused` when nothing can be read."""
    kept, left_out = split_history(clean(body))
    title = " ".join(clean(subject).split())
    text = "\n\n".join(each for each in (title, kept or left_out) if each)
    if not text:
        raise MailRefused("no_text")
    name, address = _sender(clean(sender))
    return Draft(
        text=text[:MAX_TEXT],
        sender_name=name,
        sender_address=address,
        sent_at=_moment(date),
        left_out=(text[MAX_TEXT:] + "\n\n" + (left_out if kept else "")).strip()[:MAX_TEXT],
        enclosed=enclosed,
    )


def draft_of_text(text: str) -> Draft:
    """The draft of a mail that was pasted, with or without the lines that a mail program puts above it."""
    lines = clean(text).strip().split("\n")
    heads: dict[str, str] = {}
    for at, line in enumerate(lines):
        match = _PASTED.match(line.strip())
        if match is None:
            break
        name = match[1].lower()
        heads.setdefault(_MEANS.get(name, name), match[2].strip())
        lines[at] = ""
    body = "\n".join(lines).strip()
    return make_draft(heads.get("subject", ""), heads.get("from", ""), heads.get("date", ""), body)


def split_history(text: str) -> tuple[str, str]:
    """What the sender wrote now, and what stands below it: a signature or older messages."""
    lines = text.split("\n")
    for at, line in enumerate(lines):
        if line.rstrip() == _SIGNATURE or _HISTORY.match(line[:500]):
            return "\n".join(lines[:at]).strip(), "\n".join(lines[at:]).strip()
    return text.strip(), ""


def clean(text: str) -> str:
    """Text without characters that cannot be kept, and with one kind of line end."""
    text = text.replace("\r\n", "\n").replace("\r", "\n").replace("\u00a0", " ")
    text = text.encode("utf-8", "replace").decode("utf-8")
    return "".join(each for each in text if each.isprintable() or each in "\n\t")


def _sender(text: str) -> tuple[str, str]:
    """Name and address; both empty where comments nest without end."""
    try:
        name, address = parseaddr(text.replace("\n", " ")[:_LONGEST_SENDER])
    except RecursionError:
        return "", ""
    return name[:LONGEST_LINE], address[:LONGEST_LINE] if "@" in address else ""


def _moment(text: str) -> datetime | None:
    """A moment that every time zone has; None for any other."""
    try:
        moment = parsedate_to_datetime(text)
        moment = (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
    return moment if is_usual(moment) else None


def is_usual(moment: datetime) -> bool:
    """Whether every clock and time zone has this moment."""
    return _FIRST_YEAR <= moment.year < MAXYEAR
