"""What intake tells of a key to who has it: whether a report was sent with it, and whether lately."""

import secrets
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from common.contracts.casework import ReportErased
from common.contracts.codes import ErasureGround
from common.contracts.intake import ReportReceived

from tests.support.backing import Backing
from tests.support.identities import anonymous, bearer
from tests.support.intake import Desk, intake_desk, report

PATH = "/internal/v1/reports/_sent"


@pytest.fixture(scope="module")
async def desk(backing: Backing, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Desk]:
    folder: Path = tmp_path_factory.mktemp("files")
    async with intake_desk(backing, folder) as made:
        yield made


async def _told(desk: Desk, key: str, **who: str) -> tuple[int, object]:
    headers = {**bearer("intake", anonymous(**who)), "Idempotency-Key": key}
    answer = await desk.client.post(PATH, headers=headers)
    return answer.status_code, answer.json()


async def test_a_key_is_known_once_its_report_is_stored_and_where_it_was(desk: Desk) -> None:
    key = secrets.token_urlsafe(24)
    unknown = (200, {"isSent": False, "isRecent": False})
    assert await _told(desk, key) == unknown
    assert (await desk.send(report(signalType="nergens"), key=key)).status_code == 400
    assert await _told(desk, key) == unknown
    assert (await desk.send(report(), key=key)).status_code == 201
    assert await _told(desk, key) == (200, {"isSent": True, "isRecent": True})
    assert await _told(desk, key, municipality="polderdam") == unknown
    assert (await _told(desk, "kort"))[0] == 400


async def test_a_report_that_was_erased_stays_sent(desk: Desk) -> None:
    key = secrets.token_urlsafe(24)
    await desk.send(report(), key=key)
    received = (await desk.spoken(ReportReceived))[-1]
    await desk.hear(
        ReportErased(
            municipality="zandrecht",
            report_id=received.report_id,
            reporter_handle=received.reporter_handle,
            reason="bewaartermijn",
            ground=ErasureGround.TERM_ENDED,
            erased_at=datetime.now(UTC),
        )
    )
    assert await _told(desk, key) == (200, {"isSent": True, "isRecent": True})


async def test_nobody_asks_without_an_identity_of_the_gateway(desk: Desk) -> None:
    answer = await desk.client.post(PATH, headers={"Idempotency-Key": secrets.token_urlsafe(24)})
    assert answer.status_code == 401
