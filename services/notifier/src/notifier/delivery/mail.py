"""A mail as it leaves: text and HTML, without anything of a report."""

from dataclasses import dataclass
from datetime import datetime
from email.message import EmailMessage
from email.utils import format_datetime, formataddr
from functools import lru_cache
from uuid import UUID

from common.contracts.codes import Code
from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape
from pydantic import TypeAdapter

from notifier.delivery.texts import URGENCIES, words

_CODE: TypeAdapter[str] = TypeAdapter(Code)


@dataclass(frozen=True)
class Letter:
    """What a mail says, before it is addressed."""

    language: str
    subject: str
    sender_name: str
    paragraphs: tuple[str, ...]
    lead: str  # the sentence before the link
    button: str
    link: str
    small_print: tuple[str, ...]
    closing: str


def notice_letter(language: str, municipality: str, name: str | None, public_url: str) -> Letter:
    """The mail that tells a reporter that there is news; the link opens the mailbox page.

    The same for every notice: its words would tell whoever sees the mail what became of the report, and its
    size whoever sees a mail server's log. Of rows it holds the code and what `domain.name_in_mail` let pass.
    Raises ValueError for a code that is none.
    """
    mail = words(language)["mail"]
    nobody = mail["nobody"]
    return Letter(
        language=language,
        subject=mail["subject"].format(municipality=name or nobody),
        sender_name=name or nobody.capitalize(),
        paragraphs=(mail["greeting"], mail["news"]),
        lead=mail["open"],
        button=mail["button"],
        link=f"{public_url}/{_CODE.validate_python(municipality)}/postvak",
        small_print=(mail["keep"], mail["no_reply"], mail["why"]),
        closing=mail["closing"],
    )


def work_letter(urgency: str, count: int, municipality: str, public_url: str) -> Letter:
    """The mail that tells a department that work arrived; Dutch, as the dashboard is.

    It names no municipality, for nothing vouches for that here. Raises ValueError for a code that is none.
    """
    work, mail = words("nl")["work"], words("nl")["mail"]
    sentence = work["one" if count == 1 else "other"].format(count=count, urgency=URGENCIES["nl"][urgency])
    return Letter(
        language="nl",
        subject=work["subject"],
        sender_name=work["sender"],
        paragraphs=(mail["greeting"], sentence),
        lead=work["open"],
        button=work["button"],
        link=f"{public_url}/{_CODE.validate_python(municipality)}/werklijst",
        small_print=(work["why"],),
        closing=mail["closing"],
    )


def compose(letter: Letter, *, address: str, sender: str, message_id: UUID, at: datetime) -> EmailMessage:
    """The message to one address. Every attempt carries the same Message-ID, so that a repeat shows once.

    Raises ValueError for an address that cannot stand in a header.
    """
    message = EmailMessage()
    message["From"] = formataddr((letter.sender_name, sender))
    message["To"] = address
    message["Subject"] = letter.subject
    message["Date"] = format_datetime(at)
    message["Message-ID"] = f"<{message_id}@{sender.rpartition('@')[2]}>"
    message["Auto-Submitted"] = "auto-generated"
    message["X-Auto-Response-Suppress"] = "All"
    message["Content-Language"] = letter.language
    message.set_content(_environment().get_template("letter.txt").render(letter=letter))
    html = _environment().get_template("letter.html").render(letter=letter)
    message.add_alternative(html, subtype="html")
    return message


@lru_cache(maxsize=1)
def _environment() -> Environment:
    return Environment(
        loader=PackageLoader("notifier.delivery", "templates"),
        autoescape=select_autoescape(["html"]),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )
