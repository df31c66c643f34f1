"""In which order mails leave, as a mail server's log has it, says nothing about the rows of their reports."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from uuid import UUID

import pytest
from common.contracts.notifier import FeedbackSent
from notifier.delivery.post import Post
from sqlalchemy import text

from tests.support.backing import Backing
from tests.support.notifier import Desk, Reporter, notifier_desk
from tests.support.polling import wait_until

_MAILS = 60
_MOST = 0.75  # six standard deviations for so many mails


@pytest.fixture
async def desk(backing: Backing) -> AsyncIterator[Desk]:
    async with notifier_desk(backing) as made:
        yield made


def _likeness(one: Sequence[UUID], other: Sequence[UUID]) -> float:
    """Spearman's rank correlation: 1 or -1 when the one order tells the other, near 0 when it does not."""
    assert set(one) == set(other)
    places = {each: place for place, each in enumerate(other)}
    squares = sum((place - places[each]) ** 2 for place, each in enumerate(one))
    return 1 - 6 * squares / (len(one) * (len(one) ** 2 - 1))


async def _brought(desk: Desk, post: Post) -> list[UUID]:
    """Let a round leave; whose mails the mail server took, in its order."""
    reporters = {f"melder{number}@voorbeeld.example": Reporter() for number in range(_MAILS)}
    for address, reporter in reporters.items():
        reporter.address = address
    await desk.hear(*(each.mailbox for each in reporters.values()))
    await desk.hear(*(each.notice() for each in reporters.values()))
    assert await post.deliver_due() == _MAILS
    return [reporters[address].handle for address in desk.mail.recipients]


async def _have_left(desk: Desk, count: int) -> bool:
    return len(desk.mail.recipients) >= count


async def _rows(desk: Desk, order: str) -> list[UUID]:
    async with desk.database.flowing() as connection:
        rows = await connection.execute(text(f"SELECT reporter_handle FROM delivery ORDER BY {order}"))  # noqa: S608
        return list(rows.scalars())


@pytest.mark.parametrize("lease_seconds", [300.0, 1.0])
async def test_no_order_of_rows_is_that_of_the_mails(desk: Desk, lease_seconds: float) -> None:
    settings = desk.settings.model_copy(update={"delivery_lease_seconds": lease_seconds})
    left = await _brought(desk, Post(desk.database, settings))
    for order in ("created_at, id", "ctid", "xmin::text::bigint, ctid", "reporter_handle"):
        assert abs(_likeness(left, await _rows(desk, order))) < _MOST, order
    told = [each.reporter_handle for each in await desk.spoken(FeedbackSent)]
    assert abs(_likeness(left, told)) < _MOST


async def test_how_mails_ended_is_written_together(desk: Desk) -> None:
    await _brought(desk, desk.post)
    async with desk.database.flowing() as connection:
        written = await connection.execute(text("SELECT count(DISTINCT xmin::text) FROM delivery"))
        assert written.scalar_one() == 1


async def test_what_left_is_written_when_the_post_is_stopped_on_its_way(desk: Desk) -> None:
    desk.mail.delay = 0.1
    bringing = asyncio.create_task(_brought(desk, desk.post))
    await wait_until(lambda: _have_left(desk, 3), what="some mails")
    bringing.cancel()
    await asyncio.gather(bringing, return_exceptions=True)
    sent = [row for row in await desk.deliveries() if row["state"] == "sent"]
    assert len(desk.mail.recipients) - 1 <= len(sent) <= len(desk.mail.recipients)
