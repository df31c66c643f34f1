"""``python -m gateway.mail.reading``: a mail from standard input, its draft as JSON on standard output.

A process apart, with little memory and time, behind the walls of `common.apart`: a hostile mail costs nobody
else anything. It exits with `REFUSED` and the reason on standard error for what is no mail that can be read.
"""

import codecs
import contextlib
import encodings
import json
import re
import sys
from base64 import b64encode
from email import errors, policy
from email.message import EmailMessage, MIMEPart
from email.parser import BytesParser
from html.parser import HTMLParser
from pkgutil import iter_modules
from typing import Any

from common.apart.inside import REFUSED, Cell

from gateway.mail.draft import MAX_BYTES, MOST_ENCLOSED, Draft, Enclosed, MailRefused, clean, make_draft

#: A mail of every usual part, so that reading it loads what a library loads when it is needed.
_WARMING = b"""From: =?utf-8?q?Zo=C3=AB?= <z@voorbeeld.example>
Subject: =?utf-8?b?w4nDqW4=?=
Date: Mon, 23 Nov 2026 09:41:07 +0100
MIME-Version: 1.0
Content-Type: multipart/mixed; boundary="b"

--b
Content-Type: text/html; charset=utf-8
Content-Transfer-Encoding: quoted-printable

<p>E=C3=A9n &eacute;</p>
--b
Content-Type: image/png; name*=utf-8''f.png
Content-Disposition: attachment; filename="f.png"
Content-Transfer-Encoding: base64

iVBORw==
--b--
"""
_MOST_PARTS = 100
_MOST_HEADER_BYTES = 256 * 1024
_LONGEST_HEADER = 4_000
_MOST_HTML = 2_000_000
_HEADER = re.compile(rb"^(?:From [^\n]*\n)?[!-9;-~]{1,100}:")
_KNOWN = re.compile(rb"^(?:from|subject|date|received|message-id):", re.IGNORECASE | re.MULTILINE)
_SPOILED = (
    errors.InvalidBase64CharactersDefect,
    errors.InvalidBase64LengthDefect,
    errors.InvalidBase64PaddingDefect,
)
#: How the library gives up on some headers, types and nestings.
_STUMBLES = (AttributeError, LookupError, RecursionError, TypeError, ValueError)
_TAKEN = frozenset({"image/jpeg", "image/png", "image/webp", "application/pdf"})
_BLOCKS = frozenset(
    {"blockquote", "br", "div", "hr", "li", "ol", "p", "pre", "table", "tr", "ul"}
    | {f"h{level}" for level in range(1, 7)}
)
_SILENT = frozenset({"script", "style", "head", "title", "template", "noscript"})


def read_mail(content: bytes) -> Draft:
    """The draft of a mail (RFC 5322 with MIME). Raises `MailRefused`."""
    try:
        return _read(content)
    except _STUMBLES as error:
        raise MailRefused("damaged") from error


def _read(content: bytes) -> Draft:
    message = _parsed(content)
    body = message.get_body(preferencelist=("plain", "html"))
    text = "" if body is None else _text_of(body)
    enclosed = tuple(_enclosed(message))
    subject, sender, date = (_head(message, name) for name in ("subject", "from", "date"))
    return make_draft(subject, sender, date, text, enclosed)


def _parsed(content: bytes) -> EmailMessage:
    if not content.strip():
        raise MailRefused("empty")
    if len(content) > MAX_BYTES:
        raise MailRefused("too_large")
    head = re.split(rb"\r?\n\r?\n", content, maxsplit=1)[0]
    if not _HEADER.match(content) or not _KNOWN.search(head):
        raise MailRefused("no_mail")
    if len(head) > _MOST_HEADER_BYTES or content.lower().count(b"content-type:") > _MOST_PARTS:
        raise MailRefused("too_deep")
    try:
        message = BytesParser(policy=policy.default).parsebytes(content)
    except RecursionError as error:
        raise MailRefused("too_deep") from error
    if not isinstance(message, EmailMessage):
        raise MailRefused("no_mail")
    return message


def _head(message: EmailMessage, name: str) -> str:
    """One header, decoded; empty when there is none or it cannot be read."""
    raw = next((str(value) for key, value in message.raw_items() if key.lower() == name), "")
    if len(raw) > _LONGEST_HEADER:
        return ""
    try:
        return str(message.get(name, ""))
    except _STUMBLES:
        return ""


def _text_of(part: MIMEPart) -> str:
    content = _bytes_of(part)
    if content is None:
        raise MailRefused("damaged")
    charset = part.get_content_charset("utf-8")
    try:
        text = content.decode(charset, "replace")
    except (LookupError, UnicodeError):  # no such character set, or one that is none for texts
        text = content.decode("utf-8", "replace")
    if part.get_content_type() != "text/html":
        return text
    reader = _Html()
    reader.feed(text[:_MOST_HTML])
    return reader.text


def _bytes_of(part: MIMEPart) -> bytes | None:
    """The decoded content of a part; None when its transfer encoding is broken."""
    content = part.get_payload(decode=True)
    is_spoiled = any(isinstance(defect, _SPOILED) for defect in part.defects)
    return content if isinstance(content, bytes) and not is_spoiled else None


def _enclosed(message: EmailMessage) -> list[Enclosed]:
    """The photos and PDF that were attached; a picture in the text is left out, as is what is broken."""
    found: list[Enclosed] = []
    for part in message.iter_attachments():
        media_type, is_inline = part.get_content_type(), part.get_content_disposition() == "inline"
        if media_type not in _TAKEN or is_inline or len(found) >= MOST_ENCLOSED:
            continue
        content = _bytes_of(part)
        if content:
            found.append(Enclosed(clean(part.get_filename() or "")[:100], media_type, content))
    return found


class _Html(HTMLParser):
    """The words of an HTML mail, with a line for each block."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self._pieces: list[str] = []
        self._silent = 0

    @property
    def text(self) -> str:
        """All of it, with at most one empty line between two others."""
        lines = [" ".join(line.split()) for line in "".join(self._pieces).split("\n")]
        return re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).strip()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """A block begins on a new line."""
        self._silent += tag in _SILENT
        if tag in _BLOCKS:
            self._pieces.append("\n")
        if tag == "blockquote" or ("class", "gmail_quote") in attrs:
            self._pieces.append("\n> \n")

    def handle_endtag(self, tag: str) -> None:
        """And ends one."""
        self._silent = max(self._silent - (tag in _SILENT), 0)
        if tag in _BLOCKS:
            self._pieces.append("\n")

    def handle_data(self, data: str) -> None:
        """Words; line ends in the source are no line ends."""
        if not self._silent:
            self._pieces.append(re.sub(r"\s+", " ", data))


def _as_json(draft: Draft) -> dict[str, Any]:
    told = {**vars(draft), "sent_at": draft.sent_at.isoformat() if draft.sent_at else None}
    told["enclosed"] = [
        {**vars(each), "content": b64encode(each.content).decode("ascii")} for each in draft.enclosed
    ]
    return told


def main() -> None:
    """Read one mail, within bounds and behind walls."""
    cell = Cell(sys.argv[1:4])
    cell.take_bounds()
    load_parsers()
    cell.shut()
    try:
        told = _as_json(read_mail(sys.stdin.buffer.read(MAX_BYTES + 1)))
    except MailRefused as error:
        cell.end(REFUSED, error.reason)
    else:
        sys.stdout.write(json.dumps(told))
        sys.stdout.flush()
        cell.end(0)


def load_parsers() -> None:
    """Load every character set and what the library looks for as it goes: nothing can be opened later."""
    for each in iter_modules(encodings.__path__):
        with contextlib.suppress(ImportError, LookupError):  # of other systems
            codecs.lookup(each.name)
    read_mail(_WARMING)


if __name__ == "__main__":
    main()
