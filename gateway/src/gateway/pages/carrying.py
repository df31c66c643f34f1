"""Files that go along with a report form: what is kept of each, and sending them on for who has no script."""

import re
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field

from common.errors import Malformed, TooMuch, Unavailable
from common.multipart import Field, FileEnd, FilePiece, FileStart, Part, boundary_of, parts_of
from common.rooms import Stay
from starlette.datastructures import FormData, UploadFile
from starlette.requests import Request
from starlette.types import Scope

from gateway.bodies import Incoming, hold
from gateway.front import Front, Visitor, address_of_scope
from gateway.invitations import HEADER as INVITATION
from gateway.mail import Enclosed
from gateway.pages.questions import FilesOffered
from gateway.upstream import TooSlow

FILE_FIELD, REMOVE_FIELD, CHOSEN_FIELD = "file", "remove", "files"
_CARRIED = re.compile(
    r"([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})\.([A-Za-z0-9_-]{22,64})\.(jpeg|png|webp|pdf)\.(\d{1,12})"
)
_PATH = "/api/v1/attachments"
FIELDS_BYTES = 1024 * 1024
_DRAINED_BYTES = 256 * 1024 * 1024  # of files that nobody takes now, so that the rest of the form is read


@dataclass(frozen=True)
class CarriedFile:
    """A file that intake has, by what its answer told; the form carries it along as one hidden field."""

    id: str
    claim: str
    kind: str  # jpeg, png, webp, pdf
    size_bytes: int

    @property
    def value(self) -> str:
        """As the form carries it."""
        return f"{self.id}.{self.claim}.{self.kind}.{self.size_bytes}"


@dataclass
class Sent:
    """A form as it came, with the files that were sent on while it was read."""

    form: FormData
    problems: list[tuple[str, str]] = field(default_factory=list)  # file name, sentence ("": not now)
    is_too_many: bool = False
    is_full: bool = False  # a file found no place, and those after it do not wait for one
    kept: bytes = b""  # the one file that is not for intake
    is_kept_too_large: bool = False


def carried_in(form: FormData) -> tuple[CarriedFile, ...]:
    """The files that a form carries along, without those to be taken away and without repeats."""
    removed = {str(each) for each in form.getlist(REMOVE_FIELD)}
    found = (_CARRIED.fullmatch(str(each)) for each in form.getlist(FILE_FIELD))
    files = {match[1]: CarriedFile(match[1], match[2], match[3], int(match[4])) for match in found if match}
    return tuple(each for own_id, each in files.items() if own_id not in removed)


class Carrier:
    """Reads a form with files, and sends each on to intake as it comes: nothing of it stays here."""

    def __init__(
        self, front: Front, offered: FilesOffered | None, *, keeps: tuple[str, int] | None = None
    ) -> None:
        """`keeps` names the field of a file that is read here, and its most bytes."""
        self._front = front
        self._offered = offered
        self._keeps, self._most_kept = keeps or ("", 0)

    async def read(self, request: Request, visitor: Visitor, language: str) -> Sent:
        """The whole form; raises `Malformed` or `TooLargeBody`. A refused file is told, not raised."""
        boundary = boundary_of(request.headers.get("content-type", ""))
        if boundary is None:
            raise Malformed("Send the form as multipart/form-data.")
        pairs: list[tuple[str, str | UploadFile]] = []
        sent = Sent(FormData([]))
        with self._front.bodies.held(request.scope) as stay:
            body = Incoming(request.receive, self._most_bytes(), self._front.uploads.tempo, stay)
            parts = parts_of(body.pieces(), boundary)
            async for part in parts:
                if isinstance(part, Field):
                    await hold(stay, len(part.value))
                    pairs.append((part.name, part.value.replace("\r\n", "\n").replace("\0", "")))
                elif isinstance(part, FileStart) and part.name == CHOSEN_FIELD and part.file_name:
                    coming = _Coming(request.scope, body, parts, part)
                    await self._send_on(coming, visitor, pairs, sent, language)
                elif isinstance(part, FileStart) and self._keeps and part.name == self._keeps:
                    await self._keep(parts, sent, stay)
            if not body.is_whole:
                raise body.fault or Malformed("The form did not arrive whole.")
        sent.form = FormData(pairs)
        return sent

    async def send(
        self, scope: Scope, visitor: Visitor, signal_type: str, enclosed: Enclosed
    ) -> CarriedFile | None:
        """Send a file on that came otherwise than in a field; None when intake did not take it."""
        who = visitor.identity
        headers = {"Content-Type": enclosed.media_type, "Signal-Type": signal_type}
        headers |= self._front.uploads.marked(scope, who)
        try:
            async with (
                self._front.uploads.place(scope, who) as stay,
                self._front.services.request(
                    who, "intake", "POST", _PATH, headers=headers, has_place=True, data=enclosed.content
                ) as answer,
            ):
                stay.settle()
                told = await answer.json(content_type=None)
                if answer.status != 201:
                    return None
                self._front.uploads.waits(scope, who)
                return _carried(told)
        except (Unavailable, TooSlow, TooMuch):
            return None

    async def _keep(self, parts: AsyncIterator[Part], sent: Sent, stay: Stay) -> None:
        kept = bytearray()
        async for piece in _one_file(parts):
            sent.is_kept_too_large |= len(kept) + len(piece) > self._most_kept
            if not sent.is_kept_too_large:
                await hold(stay, len(piece))
                kept += piece
        sent.kept = bytes(kept)

    async def _send_on(
        self,
        coming: "_Coming",
        visitor: Visitor,
        pairs: list[tuple[str, str | UploadFile]],
        sent: Sent,
        language: str,
    ) -> None:
        scope, start = coming.scope, coming.start
        if self._offered is None or sent.is_full:
            sent.problems.append((start.file_name, ""))
            return
        count = sum(name == FILE_FIELD for name, _ in pairs)
        if count >= self._offered.max_count:
            sent.is_too_many = True
            return
        who = visitor.identity
        headers = _headers(pairs, start) | self._front.uploads.marked(scope, who)
        content = _one_file(coming.parts)
        try:
            async with (
                self._front.invitations.trying(
                    address_of_scope(scope), headers.get(INVITATION, "")
                ) as attempt,
                self._front.uploads.place(scope, who) as stay,
                self._front.services.request(
                    who,
                    "intake",
                    "POST",
                    _PATH,
                    headers=headers,
                    has_place=True,
                    data=coming.read(content, stay),
                ) as answer,
            ):
                attempt.ends(answer.status)
                told = await answer.json(content_type=None)
                if answer.status == 201:
                    self._front.uploads.waits(scope, who)
                    pairs.append((FILE_FIELD, _carried(told).value))
                else:
                    sent.problems.append((start.file_name, _sentence(told.get("errors") or [], language)))
        except (Unavailable, TooSlow, TooMuch):
            sent.problems.append((start.file_name, ""))
            sent.is_full = True
        async for _ in content:
            continue

    def _most_bytes(self) -> int:
        offered = self._offered
        return (
            FIELDS_BYTES
            + 2 * self._most_kept
            + (offered.max_count * offered.largest_bytes if offered else _DRAINED_BYTES)
        )


@dataclass(frozen=True)
class _Coming:
    """A file that begins in a form which is being read."""

    scope: Scope
    body: Incoming
    parts: AsyncIterator[Part]
    start: FileStart

    async def read(self, content: AsyncIterator[bytes], stay: Stay) -> AsyncIterator[bytes]:
        """Its pieces. Until the last has come, its place is given up when it comes slowly."""
        with self.body.holding(stay):
            async for piece in content:
                yield piece
        stay.settle()


async def _one_file(parts: AsyncIterator[Part]) -> AsyncIterator[bytes]:
    """The pieces of the file that began last."""
    async for part in parts:
        if isinstance(part, FileEnd):
            return
        if isinstance(part, FilePiece):
            yield part.content


def _headers(pairs: Sequence[tuple[str, str | UploadFile]], start: FileStart) -> dict[str, str]:
    """What intake is told of a file, by the fields that came before it."""
    given = {name: str(value) for name, value in reversed(pairs)}
    code = _in_header(given.get("invitation", "").strip())
    return {
        "Content-Type": _in_header(start.media_type) or "application/octet-stream",
        "Signal-Type": _in_header(given.get("type", "")),
        **({INVITATION: code} if code else {}),
    }


def _in_header(text: str) -> str:
    """What a form said, where it can stand in a header; else nothing, which intake refuses by name."""
    return text if text.isascii() and text.isprintable() else ""


def _carried(told: dict[str, object]) -> CarriedFile:
    kind = str(told["mediaType"]).rpartition("/")[2]
    return CarriedFile(str(told["id"]), str(told["claim"]), kind, int(str(told["sizeBytes"])))


def _sentence(errors: Sequence[dict[str, str]], language: str) -> str:
    member = "messageEn" if language == "en" else "message"
    return str(errors[0].get(member, "")) if errors else ""
