"""Files that reports claim: by one report, served to its handlers, swept without one, erased with it."""

import asyncio
import os
import secrets
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID, uuid4

import pytest
from common.auth import Identity
from common.chunks import sealed_bytes
from common.coarse import coarse_now
from common.contracts.codes import Role
from common.contracts.intake import ReportReceived
from common.receipt import hash_of_key
from intake.attachments import Attachments
from intake.files.blobs import BlobsAway, FolderBlobs
from intake.files.workshop import Bounds, Workshop
from intake.store import Submission
from intake.store.attachments import ReportClaim
from intake.writer import AttachmentTaken, Written
from sqlalchemy import text

from tests.support import files
from tests.support.backing import Backing
from tests.support.identities import anonymous, bearer, staff
from tests.support.intake import Desk, intake_desk, report
from tests.support.intake_files import (
    erase,
    handler,
    kept_files,
    named,
    rows,
    taken,
)


@pytest.fixture
async def desk(backing: Backing, tmp_path: Path) -> AsyncIterator[Desk]:
    async with intake_desk(backing, tmp_path, files_max_photo_mib=2, files_max_pdf_mib=3) as made:
        yield made


async def test_only_who_holds_the_claim_gets_the_file_into_a_report(desk: Desk) -> None:
    told = await taken(desk)
    other = {"id": told["id"], "claim": secrets.token_urlsafe(24)}
    unknown = {"id": str(uuid4()), "claim": told["claim"]}
    for wrong in (other, unknown):
        answer = await desk.send(report(attachments=[wrong]))
        assert [each["code"] for each in answer.json()["errors"]] == ["unknown-file"]
    twice = await desk.send(report(attachments=named(told, told)))
    assert [each["code"] for each in twice.json()["errors"]] == ["repeated"]
    elsewhere = await desk.send(report(attachments=named(told)), **bearer("intake", anonymous("polderdam")))
    assert [each["code"] for each in elsewhere.json()["errors"]] == ["unknown-file"]
    assert await desk.spoken(ReportReceived) == []
    assert (await desk.send(report(attachments=named(told)))).status_code == 201


async def test_a_file_belongs_to_one_report_whoever_comes_at_the_same_time(desk: Desk) -> None:
    told = await taken(desk)
    answers = await asyncio.gather(*(desk.send(report(attachments=named(told))) for _ in range(8)))
    assert sorted(answer.status_code for answer in answers) == [201] + [409] * 7
    assert {answer.json()["code"] for answer in answers if answer.status_code == 409} == {"attachment-taken"}
    assert len(await desk.spoken(ReportReceived)) == 1
    assert (await desk.send(report(attachments=named(told)))).json()["code"] == "attachment-taken"


def submission(key: bytes) -> Submission:
    return Submission(
        municipality="zandrecht",
        key_hash=hash_of_key(key),
        body_mac=bytes(32),
        lookup_id=key.hex(),
        public_key="A" * 43,
        report_id=uuid4(),
        reporter_handle=uuid4(),
        received_at=coarse_now(),
    )


async def test_what_the_writer_finds_claimed_fails_alone_and_stores_nothing(desk: Desk) -> None:
    file_id = UUID((await taken(desk))["id"])
    rivals = [submission(secrets.token_bytes(16)) for _ in range(4)]
    outcomes = await asyncio.gather(
        *(
            desk.writer.write(
                each, (), [ReportClaim(each.municipality, file_id, each.key_hash, each.report_id)]
            )
            for each in rivals
        ),
        desk.writer.write(submission(secrets.token_bytes(16)), ()),
        return_exceptions=True,
    )
    assert outcomes.count(Written.NEW) == 2  # one of the rivals, and the one beside them
    assert sum(isinstance(each, AttachmentTaken) for each in outcomes) == 3
    async with desk.database.flowing() as connection:
        stored = set((await connection.execute(text("SELECT report_id FROM submission"))).scalars())
    (row,) = await rows(desk)
    assert row.report_id in stored
    assert len(stored) == 2


async def test_one_taken_file_does_not_stop_the_reports_beside_it(desk: Desk) -> None:
    told, free = await taken(desk), await taken(desk)
    await desk.send(report(attachments=named(told)))
    answers = await asyncio.gather(
        desk.send(report(attachments=named(free, told))), *(desk.send(report()) for _ in range(5))
    )
    assert [answer.status_code for answer in answers] == [409, 201, 201, 201, 201, 201]
    assert (await desk.send(report(attachments=named(free)))).status_code == 201


async def test_the_same_key_and_files_get_the_same_answer_also_after_erasure(desk: Desk) -> None:
    told, key = await taken(desk), secrets.token_urlsafe(24)
    body = report(attachments=named(told))
    answers = await asyncio.gather(*(desk.send(body, key=key) for _ in range(6)))
    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.json()["receipt"] for answer in answers}) == 1
    assert (await desk.send(report(), key=key)).status_code == 409
    received = (await desk.spoken(ReportReceived))[0]
    await erase(desk, received)
    again = await desk.send(body, key=key)
    assert (again.status_code, again.json()["receipt"]) == (201, answers[0].json()["receipt"])


async def test_erasing_a_report_deletes_its_files_and_no_others(desk: Desk) -> None:
    first, second = await taken(desk), await taken(desk)
    await desk.send(report(attachments=named(first)))
    await desk.send(report(attachments=named(second)))
    received = await desk.spoken(ReportReceived)
    assert len(kept_files(desk)) == 2
    gone = next(each for each in received if str(each.attachments[0]) == first["id"])
    await erase(desk, gone)
    await erase(desk, gone)
    assert len(kept_files(desk)) == 1
    assert [str(row.id) for row in await rows(desk)] == [second["id"]]
    answer = await desk.client.get(f"/api/v1/attachments/{first['id']}/content", headers=handler())
    assert answer.status_code == 404


async def test_an_erasure_is_not_confirmed_while_files_cannot_be_deleted(desk: Desk) -> None:
    await desk.send(report(attachments=named(await taken(desk))))
    folder, away = desk.settings.files_folder / "kept", desk.settings.files_folder / "away"
    folder.rename(away)
    with pytest.raises(BlobsAway):
        await erase(desk, (await desk.spoken(ReportReceived))[0])
    assert len(await rows(desk)) == 1
    away.rename(folder)
    await erase(desk, (await desk.spoken(ReportReceived))[0])
    assert (await rows(desk), kept_files(desk)) == ([], [])


async def test_files_are_served_to_handlers_of_the_municipality_only(desk: Desk) -> None:
    told = await taken(desk)
    path = f"/api/v1/attachments/{told['id']}/content"
    assert (await desk.client.get(path, headers=handler())).status_code == 404  # belongs to no report yet
    await desk.send(report(attachments=named(told)))
    keyed = Identity("zandrecht", key_name="csv", roles=frozenset({Role.HANDLER}))
    for headers, status in (
        (bearer("intake", anonymous()), 401),
        (bearer("intake", staff(Role.ADMINISTRATOR)), 403),
        (bearer("intake", keyed), 401),
        (handler(municipality="polderdam"), 404),
        (handler("identity"), 404),
        (handler(), 200),
    ):
        answer = await desk.client.get(path, headers=headers)
        assert answer.status_code == status, headers
    assert answer.headers["content-type"] == "application/octet-stream"
    assert int(answer.headers["content-length"]) == sealed_bytes(told["sizeBytes"])


async def test_what_no_report_claims_in_a_day_is_swept_once_by_two_replicas(desk: Desk) -> None:
    claimed, unclaimed = await taken(desk), await taken(desk)
    await desk.send(report(attachments=named(claimed)))
    left_behind = desk.settings.files_folder / "arriving" / "left"
    left_behind.write_bytes(b"x")
    os.utime(left_behind, (0, 0))
    assert await desk.attachments.sweep() == 0
    assert not left_behind.exists()
    later = replicas(desk, hours=25)
    assert sum(await asyncio.gather(*(each.sweep() for each in later))) >= 1
    assert [str(row.id) for row in await rows(desk)] == [claimed["id"]]
    assert len(kept_files(desk)) == 1
    answer = await desk.send(report(attachments=named(unclaimed)))
    assert [each["code"] for each in answer.json()["errors"]] == ["unknown-file"]


def replicas(desk: Desk, **later: float) -> list[Attachments]:
    """Two other processes at another time, on the same database and folder."""
    folder = desk.settings.files_folder
    return [
        Attachments(
            desk.database,
            FolderBlobs(folder / "kept"),
            Workshop(1, Bounds()),
            folder / "arriving",
            clock=lambda: datetime.now(UTC) + timedelta(**later),
        )
        for _ in range(2)
    ]


class Killed(BaseException):
    """The process is no more: nothing catches this."""


class Dying:
    """A place for blobs in front of which the process dies: before, during or after the write."""

    def __init__(self, behind: FolderBlobs, moment: str) -> None:
        self._behind, self._moment = behind, moment

    async def put(self, name: str, pieces: AsyncIterator[bytes]) -> int:
        if self._moment == "before":
            raise Killed
        size = await self._behind.put(name, self._cut(pieces) if self._moment == "during" else pieces)
        assert size
        raise Killed

    async def _cut(self, pieces: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
        async for piece in pieces:
            yield piece
            raise Killed


@pytest.mark.parametrize("moment", ["before", "during", "after"])
async def test_a_process_that_dies_between_row_and_blob_leaves_nothing_that_can_be_claimed(
    desk: Desk, moment: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    behind = FolderBlobs(desk.settings.files_folder / "kept")
    monkeypatch.setattr(desk.attachments, "_blobs", Dying(behind, moment))
    with pytest.raises(Killed):
        await desk.send_file(files.photo())
    monkeypatch.undo()
    (row,) = await rows(desk)
    assert row.state == "arriving"
    assert (await replicas(desk, hours=25)[0].sweep()) == 1
    assert (await rows(desk), kept_files(desk)) == ([], [])
