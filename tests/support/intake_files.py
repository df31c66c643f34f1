"""Files at an intake under test: sent, named in a report, opened as a browser would, and erased."""

from dataclasses import replace
from pathlib import Path
from typing import Any

from common.chunks import ChunkOpener
from common.contracts.casework import ReportErased
from common.contracts.codes import KeyGroup, Role
from common.contracts.intake import ReportReceived, SealedAttachment
from common.sealing import Context, decode, open_sealed
from sqlalchemy import text

from tests.support import files
from tests.support.identities import bearer, staff
from tests.support.intake import Desk


async def taken(
    desk: Desk,
    content: bytes | None = None,
    media_type: str = "image/jpeg",
    headers: dict[str, str] | None = None,
) -> Any:
    """A file that is kept; what the door told of it."""
    sent = files.photo() if content is None else content
    answer = await desk.send_file(sent, media_type, **(headers or {}))
    assert answer.status_code == 201, answer.text
    return answer.json()


def named(*told: Any) -> list[dict[str, str]]:
    """Files as a report names them."""
    return [{"id": each["id"], "claim": each["claim"]} for each in told]


async def rows(desk: Desk) -> list[Any]:
    """What intake remembers of files, oldest first."""
    async with desk.database.flowing() as connection:
        return list((await connection.execute(text("SELECT * FROM attachment ORDER BY created_at"))).all())


def kept_files(desk: Desk) -> list[Path]:
    """Everything that lies in the folder of files."""
    return files_below(desk.settings.files_folder)


def files_below(folder: Path) -> list[Path]:
    """Every file in a folder and in those in it."""
    return [path for path in folder.rglob("*") if path.is_file()]


def handler(*groups: str, municipality: str = "zandrecht") -> dict[str, str]:
    """A handler who holds these key groups."""
    identity = replace(
        staff(Role.HANDLER, municipality=municipality), key_groups=frozenset(groups or ("general",))
    )
    return bearer("intake", identity)


async def opened(desk: Desk, sealed: SealedAttachment, group: KeyGroup = KeyGroup.GENERAL) -> bytes:
    """The file as the municipality's browser would open it."""
    answer = await desk.client.get(f"/api/v1/attachments/{sealed.id}/content", headers=handler(group.value))
    assert answer.status_code == 200, answer.text
    wrap = sealed.wraps[0]
    place = Context("zandrecht", "attachment", str(sealed.id), wrap.key_id)
    key = open_sealed(decode(wrap.wrapped_key), desk.town.keys[group].private, place)
    opener = ChunkOpener(key, Context("zandrecht", "attachment", str(sealed.id)))
    return opener.feed(answer.content) + opener.finish()


async def erase(desk: Desk, received: ReportReceived) -> None:
    """Let intake hear that a report was erased."""
    await desk.hear(
        ReportErased(
            municipality=received.municipality,
            report_id=received.report_id,
            reporter_handle=received.reporter_handle,
            reason="verzoek",
            ground="AVG art. 17",
            erased_at=received.received_at,
        )
    )
