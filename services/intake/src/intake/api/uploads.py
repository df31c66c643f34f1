"""The door for files: one upload at a time, raw or as a form, and the way back for who may open them."""

from collections.abc import AsyncIterator, Callable
from typing import Annotated, Any
from uuid import UUID

from common.auth import Identity
from common.contracts.codes import Role
from common.errors import FieldError, Malformed, NotSignedIn
from common.multipart import Field, FilePiece, FileStart, boundary_of, parts_of
from common.web import Caller
from fastapi import APIRouter, Header, Request
from starlette.requests import ClientDisconnect
from starlette.responses import StreamingResponse

from intake.actions import Intake
from intake.admission import Admission
from intake.api import answers
from intake.api.callers import InvitationCode, NetworkMark, require_reporting, require_type
from intake.attachments import Upload
from intake.files.kinds import Declared, FileKind, extension_of

router = APIRouter()

PATH = "/api/v1/attachments"
_TOLD = "For which signal type; decides whose key the file is sealed to. In a form: the field `signalType`."
_BINARY = {"schema": {"type": "string", "format": "binary"}}
_FORM = {
    "schema": {
        "type": "object",
        "required": ["signalType", "file"],
        "properties": {
            "signalType": {"type": "string"},
            "file": {"type": "string", "format": "binary"},
        },
    }
}
_BODY = {
    "required": True,
    "content": {**{kind.value: _BINARY for kind in FileKind}, "multipart/form-data": _FORM},
}
_CONTENT: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "The ciphertext; see docs/sealing.md.",
        "content": {"application/octet-stream": _BINARY},
    }
}


@router.post(PATH, status_code=201, response_model=answers.FileTaken, openapi_extra={"requestBody": _BODY})
async def take_file(
    request: Request,
    caller: Caller,
    signal_type: Annotated[str | None, Header(description=_TOLD, max_length=200)] = None,
    invitation_code: InvitationCode = None,
    network_mark: NetworkMark = "",
) -> dict[str, Any]:
    """Take one photo or PDF in, cleaned and sealed. A report names it by id and claim within 24 hours."""
    require_reporting(caller)
    admission: Admission = request.app.state.admission
    await admission.require(caller, invitation_code)
    intake: Intake = request.app.state.intake
    content_type = request.headers.get("content-type", "")
    length = request.headers.get("content-length", "")
    size = int(length) if length.isdecimal() else None
    mark = caller.mark or network_mark
    upload = Upload(_body(request), size, is_professional=caller.is_professional, mark=mark)
    boundary = boundary_of(content_type)
    if boundary is None:
        upload.declared = Declared(media_type=content_type)
        taken = await intake.take_file(
            caller.municipality, upload, _allowed(caller, lambda: signal_type or "")
        )
    else:
        form = _Form(signal_type or "")
        upload.body = form.file(upload.body, upload, boundary)
        taken = await intake.take_file(
            caller.municipality, upload, _allowed(caller, lambda: form.signal_type)
        )
    return {
        "id": taken.id,
        "claim": taken.claim,
        "mediaType": taken.media_type,
        "sizeBytes": taken.size_bytes,
    }


@router.get(PATH + "/{attachment_id}/content", response_class=StreamingResponse, responses=_CONTENT)
async def give_ciphertext(request: Request, caller: Caller, attachment_id: UUID) -> StreamingResponse:
    """The sealed file, for handlers; the key to it leaves casework by an opening only."""
    caller.require(Role.HANDLER, Role.PROCESS_MANAGER)
    if caller.person is None:
        raise NotSignedIn("Files are for people who signed in, not for API keys.")
    intake: Intake = request.app.state.intake
    size, pieces = await intake.attachments.ciphertext(caller.municipality, attachment_id, caller.key_groups)
    headers = {"Content-Length": str(size), "Content-Disposition": "attachment"}
    return StreamingResponse(pieces, media_type="application/octet-stream", headers=headers)


def _allowed(caller: Identity, signal_type: Callable[[], str]) -> Callable[[], str]:
    """The same, for a type that the caller's API key may report."""

    def allowed() -> str:
        require_type(caller, signal_type())
        return signal_type()

    return allowed


async def _body(request: Request) -> AsyncIterator[bytes]:
    try:
        async for piece in request.stream():
            if piece:
                yield piece
    except ClientDisconnect as error:
        raise Malformed("The file did not arrive whole.") from error


class _Form:
    """An upload from a form without script: exactly one file, and for which signal type it is."""

    def __init__(self, signal_type: str) -> None:
        self.signal_type = signal_type

    async def file(self, body: AsyncIterator[bytes], upload: Upload, boundary: bytes) -> AsyncIterator[bytes]:
        """The bytes of the file; what is told of it goes to the upload."""
        count = 0
        async for part in parts_of(body, boundary):
            if isinstance(part, FilePiece):
                yield part.content
            elif isinstance(part, Field) and part.name == "signalType":
                self.signal_type = part.value
            elif isinstance(part, FileStart):
                count += 1
                upload.declared = Declared(part.media_type, extension_of(part.file_name))
                if count > 1:
                    raise _not_one_file()
        if count == 0:
            raise _not_one_file()


def _not_one_file() -> Malformed:
    field = FieldError(
        "/file", "one-file", "Stuur precies één bestand tegelijk.", "Send exactly one file at a time."
    )
    return Malformed("The form must hold exactly one file.", errors=[field])
