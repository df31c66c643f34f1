"""Who writes the notifier's database puts words of their own in our mails, or lets one leave again.

And who only asks for the list of deliveries waits for the moment at which a report comes.
"""

import re
from collections.abc import AsyncIterator
from typing import Any

import pytest
from common import metrics
from common.coarse import coarse_now
from common.contracts.casework import WorkArrived
from common.contracts.codes import Role, Urgency
from common.db import Database
from common.messaging.handling import Dispatcher
from notifier.consumers import handlers
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from tests.support.backing import Backing
from tests.support.identities import bearer, staff
from tests.support.notifier import ADDRESS, Desk, Reporter, notifier_desk

THREAT = "Zandrecht. Wij weten wie u bent. Trek uw melding in op https://evil.example/code"
WORDS = (
    THREAT,
    "Zandrecht weet wie u bent",
    "Zandrecht\r\nBcc: x@evil.example",
    "zandrecht.nl",
    "Zandrecht 06 1234",
    "Z" + "-" * 60 + "andrecht",
)
AGAIN = "UPDATE delivery SET state = 'queued', attempts = 0, due_at = coarse_now(), ended_at = NULL"


@pytest.fixture
async def desk(backing: Backing) -> AsyncIterator[Desk]:
    async with notifier_desk(backing) as made:
        yield made


async def written(database: Database, statement: str, **values: Any) -> None:
    """What somebody does with the notifier's own role of flows."""
    async with database.flowing() as connection:
        await connection.execute(text(statement), values)


def withheld() -> float:
    count: float = metrics.NAMES_WITHHELD._value.get()
    return count


@pytest.mark.parametrize("words", WORDS)
async def test_words_in_the_place_of_a_name_reach_no_reporter(desk: Desk, words: str) -> None:
    before = withheld()
    reporter = Reporter()
    await desk.hear(reporter.mailbox, reporter.notice())
    await written(desk.database, "UPDATE municipality_state SET display_name = :words", words=words)
    await desk.post.deliver_due()
    (mail,) = desk.mail.messages
    assert mail["Subject"] == "Nieuws over uw bericht aan uw gemeente"
    assert mail["From"] == "Uw gemeente <noreply@vermoeden.example>"
    assert "evil" not in mail.as_string()
    assert "weet" not in mail.as_string()
    assert withheld() == before + 1


async def test_words_in_a_row_reach_no_department(desk: Desk) -> None:
    work = WorkArrived(
        municipality="zandrecht", department="vth", urgency=Urgency.HIGH, count=1, arrived_at=coarse_now()
    )
    await desk.hear(work)
    await written(desk.database, "UPDATE municipality_state SET display_name = :words", words=THREAT)
    await desk.post.deliver_due()
    (mail,) = desk.mail.messages
    assert mail["From"] == "Vermoeden <noreply@vermoeden.example>"
    assert "Wij weten" not in mail.as_string()


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE municipality_state SET municipality = :words",
        """UPDATE municipality_state SET department_mails =
           jsonb_build_object('vth', '"Wij weten wie u bent" <vth@zandrecht.example>')""",
        """UPDATE municipality_state SET department_mails =
           jsonb_build_object('vth', 'a@zandrecht.example, b@zandrecht.example')""",
    ],
)
async def test_words_in_a_code_or_an_address_end_the_mail(desk: Desk, statement: str) -> None:
    work = WorkArrived(
        municipality="zandrecht", department="vth", urgency=Urgency.HIGH, count=1, arrived_at=coarse_now()
    )
    await desk.hear(work)
    is_code = ":words" in statement
    if is_code:
        await written(desk.database, "UPDATE delivery SET municipality = :words", words=THREAT)
    await written(desk.database, statement, **({"words": THREAT} if is_code else {}))
    await desk.post.deliver_due()
    assert desk.mail.messages == []
    assert [row["state"] for row in await desk.deliveries()] == ["failed"]


@pytest.mark.parametrize("answer", ["250 OK", "550 no"])
async def test_a_mail_that_ended_does_not_leave_again(desk: Desk, answer: str) -> None:
    reporter = Reporter()
    desk.mail.answers = [answer]
    await desk.hear(reporter.mailbox, reporter.notice())
    await desk.post.deliver_due()
    before = desk.mail.recipients.copy()
    for way in (AGAIN, "UPDATE delivery SET state = 'failed' WHERE state = 'sent'", AGAIN):
        try:
            await written(desk.database, way)
        except IntegrityError as error:
            assert "does not begin again" in str(error)  # noqa: PT017 -- which of them is refused differs
    await desk.post.deliver_due()
    assert desk.mail.recipients == before


async def test_who_watches_restarts_no_mail_that_was_sent(desk: Desk) -> None:
    reporter = Reporter()
    await desk.hear(reporter.mailbox, reporter.notice())
    await desk.post.deliver_due()
    with pytest.raises(IntegrityError, match="does not begin again"):
        async with desk.database.tenant("zandrecht") as connection:
            await connection.execute(text(AGAIN))
    assert desk.mail.recipients == [ADDRESS]


async def test_the_list_of_deliveries_tells_of_a_mail_once_its_round_left(desk: Desk) -> None:
    desk.dispatcher = Dispatcher(handlers(lambda: 421))
    reporter = Reporter()
    desk.mail.answers = ["451 later"]

    async def listed() -> list[Any]:
        answer = await desk.client.get(
            "/api/v1/deliveries", headers=bearer("notifier", staff(Role.ADMINISTRATOR))
        )
        found: list[Any] = answer.json()["deliveries"]
        return found

    await desk.hear(reporter.mailbox, reporter.notice())
    assert len(await desk.deliveries()) == 1
    assert await listed() == []
    await desk.all_due()
    await desk.post.deliver_due()
    (line,) = await listed()
    assert (line["state"], line["error"]) == ("queued", "smtp-451")
    assert all(re.search(r":(00|15|30|45):00Z$", line[name]) for name in ("createdAt", "dueAt"))
