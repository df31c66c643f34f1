"""Files at intake's door: taken, cleaned and sealed; and every refusal."""

import io
import json
import secrets
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pikepdf
import pytest
from common.chunks import sealed_bytes
from common.contracts.codes import KeyGroup, Role
from common.contracts.gateway import FileLimits
from common.contracts.intake import ReportReceived
from common.sealing import open_content
from PIL import Image

from tests.support import files
from tests.support.backing import Backing
from tests.support.files import CANARY
from tests.support.identities import anonymous, bearer, staff
from tests.support.intake import Desk, intake_desk, report
from tests.support.intake_files import handler, kept_files, named, opened, rows, taken

MIB = 1024 * 1024


@pytest.fixture
async def desk(backing: Backing, tmp_path: Path) -> AsyncIterator[Desk]:
    async with intake_desk(backing, tmp_path, files_max_photo_mib=2, files_max_pdf_mib=3) as made:
        yield made


async def test_a_photo_arrives_clean_and_only_the_municipality_can_open_it(desk: Desk) -> None:
    told = await taken(desk)
    assert (await desk.send(report(attachments=named(told)))).status_code == 201
    received = (await desk.spoken(ReportReceived))[0]
    sealed = received.sealed_attachments[0]
    assert [str(each) for each in received.attachments] == [told["id"]] == [str(sealed.id)]
    assert told["id"] in await told_inside(desk, received)
    photo = await opened(desk, sealed)
    assert len(photo) == sealed.size_bytes == told["sizeBytes"]
    assert CANARY.encode() not in photo
    with Image.open(io.BytesIO(photo)) as image:
        assert (image.size, image.format) == ((480, 640), "JPEG")
        assert not image.getexif()


async def told_inside(desk: Desk, received: ReportReceived) -> list[str]:
    """The files that the sealed report names."""
    content = open_content(
        received.sealed_content,
        "general-1",
        desk.town.keys[KeyGroup.GENERAL].private,
        municipality="zandrecht",
        compartment="content",
        subject=str(received.report_id),
    )
    named_inside: list[str] = json.loads(content)["attachments"]
    return named_inside


async def test_a_document_of_several_chunks_arrives_without_scripts_and_files(desk: Desk) -> None:
    noise = secrets.token_bytes(300_000)

    told = await taken(desk, files.pdf(files.with_everything, files.with_noise(noise)), "application/pdf")
    await desk.send(report(attachments=named(told)))
    document = await opened(desk, (await desk.spoken(ReportReceived))[0].sealed_attachments[0])
    assert len(document) > 300_000
    with pikepdf.open(io.BytesIO(document)) as made:
        assert set(made.Root.keys()) == {"/Type", "/Pages"}
        shown = [
            each for each in made.pages[0].Resources.XObject.values() if each.ColorSpace == "/DeviceGray"
        ]
        assert [each.read_bytes() for each in shown] == [noise]


async def test_nothing_of_a_file_is_kept_in_clear(desk: Desk) -> None:
    told = await taken(desk)
    photo = files.picture((640, 480))
    assert told["claim"] not in str(await rows(desk))
    (blob,) = kept_files(desk)
    content = blob.read_bytes()
    assert len(content) == sealed_bytes(told["sizeBytes"])
    assert b"\xff\xd8\xff" not in content[:100]
    assert CANARY.encode() not in content
    assert photo.tobytes()[:64] not in content
    assert blob.stat().st_mode & 0o077 == 0


async def test_a_restricted_report_takes_only_files_sealed_for_it(desk: Desk) -> None:
    general = await taken(desk)
    special = await taken(desk, headers={"Signal-Type": "intimidatie-bestuur"})
    body = report(
        signalType="intimidatie-bestuur",
        answers={"waargenomen": "zelf-waargenomen"},
        contact={"name": "Noor Voorbeeld"},
    )
    headers = bearer("intake", staff(Role.REPORTER))
    refused = await desk.send({**body, "attachments": named(special, general)}, **headers)
    assert [(each["pointer"], each["code"]) for each in refused.json()["errors"]] == [
        ("/attachments/1", "other-signal-type")
    ]
    assert (await desk.send({**body, "attachments": named(special)}, **headers)).status_code == 201
    sealed = (await desk.spoken(ReportReceived))[0].sealed_attachments[0]
    assert [wrap.group for wrap in sealed.wraps] == ["restricted"]
    assert await opened(desk, sealed, KeyGroup.RESTRICTED)
    general_only = await desk.client.get(f"/api/v1/attachments/{sealed.id}/content", headers=handler())
    assert general_only.status_code == 404


async def test_a_form_without_script_sends_a_file_too(desk: Desk) -> None:
    answer = await desk.client.post(
        "/api/v1/attachments",
        data={"signalType": "hennepteelt"},
        files={"file": ("foto.JPG", files.photo(), "image/jpeg")},
        headers=bearer("intake", anonymous()),
    )
    assert answer.status_code == 201, answer.text
    assert (await desk.send(report(attachments=named(answer.json())))).status_code == 201


async def form_answer(desk: Desk, *parts: tuple[str, bytes], **headers: str) -> httpx.Response:
    body = b"".join(
        b"--grens\r\n" + head.encode() + b"\r\n\r\n" + content + b"\r\n" for head, content in parts
    )
    sent = {"Content-Type": "multipart/form-data; boundary=grens", **bearer("intake", anonymous()), **headers}
    return await desk.client.post("/api/v1/attachments", content=body + b"--grens--\r\n", headers=sent)


_FILE = 'Content-Disposition: form-data; name="file"; filename="{}"'


@pytest.mark.parametrize(
    ("parts", "code"),
    [
        ((), "one-file"),
        ((('Content-Disposition: form-data; name="signalType"', b"hennepteelt"),), "one-file"),
        (((_FILE.format("a.jpg"), files.photo()), (_FILE.format("b.jpg"), b"x")), "one-file"),
        (((_FILE.format("a.png"), files.photo()),), "wrong-extension"),
        (((_FILE.format("a.exe"), files.photo()),), "wrong-extension"),
        (((_FILE.format(""), b""),), "empty"),
        (((_FILE.format("a.jpg"), files.photo()),), "unknown-signal-type"),
    ],
)
async def test_a_form_that_is_not_one_file_is_told_so(
    desk: Desk, parts: tuple[tuple[str, bytes], ...], code: str
) -> None:
    headers = {} if code == "unknown-signal-type" else {"Signal-Type": "hennepteelt"}
    answer = await form_answer(desk, *parts, **headers)
    assert answer.status_code == 400
    assert [each["code"] for each in answer.json()["errors"]] == [code]


async def test_a_form_that_breaks_off_or_has_no_boundary_is_told_so(desk: Desk) -> None:
    headers = {**bearer("intake", anonymous()), "Signal-Type": "hennepteelt"}
    for content_type in ("multipart/form-data", "multipart/form-data; boundary=grens"):
        answer = await desk.client.post(
            "/api/v1/attachments",
            content=b"--grens\r\n" + _FILE.format("a.jpg").encode() + b"\r\n\r\n\xff\xd8\xff",
            headers={**headers, "Content-Type": content_type},
        )
        assert (answer.status_code, answer.json()["code"]) == (400, "malformed")
    assert kept_files(desk) == []


@pytest.mark.parametrize(
    ("content", "media_type", "code"),
    [
        (b"", "image/jpeg", "empty"),
        (files.png_bomb(), "image/png", "unpacks-too-large"),
        (files.pdf(files.with_packed_bomb), "application/pdf", "unpacks-too-large"),
        (files.pdf() + files.zip_with(), "application/pdf", "two-kinds-at-once"),
        (b"\x89PNG\r\n\x1a\n<html><script>alert(1)</script>", "image/png", "two-kinds-at-once"),
        (files.photo()[:4000], "image/jpeg", "damaged"),
        (files.pdf()[:-300], "application/pdf", "damaged"),
        (files.pdf(encryption=pikepdf.Encryption(owner="x", user="x")), "application/pdf", "encrypted"),
        (b"<script>alert(1)</script>", "image/jpeg", "script"),
        (files.zip_with(), "application/zip", "kind-not-taken"),
        (b"\0\0\0\x18ftypheic" + bytes(40), "image/heic", "heic-not-taken"),
        (files.photo(), "image/png", "wrong-extension"),
    ],
)
async def test_a_hostile_or_broken_file_is_refused_by_name_and_nothing_stays(
    desk: Desk, content: bytes, media_type: str, code: str
) -> None:
    answer = await desk.send_file(content, media_type)
    assert (answer.status_code, answer.json()["code"]) == (400, "file-refused")
    (error,) = answer.json()["errors"]
    assert (error["pointer"], error["code"]) == ("/file", code)
    assert error["message"]
    assert error["messageEn"]
    assert await rows(desk) == []
    assert kept_files(desk) == []


async def test_a_file_over_the_limit_is_refused_early_or_on_the_way(desk: Desk) -> None:
    async def endless() -> AsyncIterator[bytes]:
        yield files.photo()
        for _ in range(64):
            yield bytes(256 * 1024)

    for content in (bytes(4 * MIB), endless()):
        answer = await desk.send_file(content)
        assert (answer.status_code, answer.json()["code"]) == (413, "file-too-large")
    answer = await desk.send_file(files.photo() + bytes(2 * MIB))  # a PDF might be this large
    assert (answer.status_code, answer.json()["errors"][0]["code"]) == (413, "too-large")
    headers = {"Content-Length": str(102 * MIB)}
    assert (await desk.send_file(b"x", **headers)).status_code == 413
    assert kept_files(desk) == []


async def test_a_municipality_sets_its_own_limits(desk: Desk) -> None:
    limits = FileLimits(max_count=1, max_photo_mib=1)
    await desk.hear(desk.town.state.model_copy(update={"version": 2, "file_limits": limits}))
    shown = await desk.client.get("/api/v1/signal-types", headers=bearer("intake", anonymous()))
    assert shown.json()["files"] | {"mediaTypes": []} == {
        "maxCount": 1,
        "maxPhotoBytes": MIB,
        "maxPdfBytes": 3 * MIB,
        "mediaTypes": [],
    }
    assert (await desk.send_file(files.photo() + bytes(MIB))).status_code == 413
    two = [await taken(desk) for _ in range(2)]
    answer = await desk.send(report(attachments=named(*two)))
    assert [each["code"] for each in answer.json()["errors"]] == ["too-many-files"]


async def test_a_file_for_an_unknown_kind_of_report_is_refused(desk: Desk) -> None:
    for signal_type in ("", "bestaat-niet"):
        answer = await desk.send_file(files.photo(), **{"Signal-Type": signal_type})
        assert answer.json()["errors"][0]["code"] == "unknown-signal-type"
    assert kept_files(desk) == []
