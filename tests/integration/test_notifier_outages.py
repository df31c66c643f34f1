"""The post between two fires: what was erased must not leave any more, what has left must not leave again."""

import asyncio

from sqlalchemy import text

from tests.support.backing import Backing, OwnBacking
from tests.support.notifier import ADDRESS, Reporter, notifier_desk
from tests.support.polling import wait_until


async def test_a_mail_behind_another_does_not_leave_once_its_reporter_is_erased(backing: Backing) -> None:
    async with notifier_desk(backing) as desk:
        loop = asyncio.get_running_loop()
        reporters = {
            f"{name}@voorbeeld.example": Reporter(address=f"{name}@voorbeeld.example") for name in "ab"
        }
        await desk.hear(*(fact for each in reporters.values() for fact in (each.mailbox, each.notice())))

        async def erase_the_other() -> None:
            other = next(each for address, each in reporters.items() if address not in desk.mail.recipients)
            hearing = asyncio.run_coroutine_threadsafe(desk.hear(other.erased()), loop)
            await asyncio.wrap_future(hearing)

        desk.mail.then = erase_the_other
        assert await desk.post.deliver_due() == 2
        assert len(desk.mail.recipients) == 1


async def test_an_erasure_is_not_done_while_a_mail_is_handed_over(backing: Backing) -> None:
    async with notifier_desk(backing) as desk:
        loop = asyncio.get_running_loop()
        reporter = Reporter()
        await desk.hear(reporter.mailbox, reporter.notice())
        erasing: list[asyncio.Task[None]] = []
        done_meanwhile: set[asyncio.Task[None]] = set()

        async def erase_meanwhile() -> None:
            erasing.append(loop.create_task(desk.hear(reporter.erased())))
            done, _ = await asyncio.wait(erasing, timeout=0.7)  # less than the server is given to answer
            done_meanwhile.update(done)

        async def while_it_leaves() -> None:
            hearing = asyncio.run_coroutine_threadsafe(erase_meanwhile(), loop)
            await asyncio.wrap_future(hearing)

        desk.mail.then = while_it_leaves
        assert await desk.post.deliver_due() == 1
        assert not done_meanwhile
        await asyncio.wait_for(erasing[0], 10)
        assert desk.mail.recipients == [ADDRESS]
        assert not await desk.deliveries()


async def test_a_mail_behind_a_slow_one_is_left_to_the_replica_that_took_it_over(backing: Backing) -> None:
    async with notifier_desk(backing) as desk:
        loop = asyncio.get_running_loop()
        reporters = {
            f"{name}@voorbeeld.example": Reporter(address=f"{name}@voorbeeld.example") for name in "ab"
        }
        await desk.hear(*(fact for each in reporters.values() for fact in (each.mailbox, each.notice())))

        async def another_replica() -> None:
            other = next(each for address, each in reporters.items() if address not in desk.mail.recipients)
            async with desk.database.flowing() as connection:
                await connection.execute(
                    text("UPDATE delivery SET due_at = now() WHERE reporter_handle = :handle"),
                    {"handle": other.handle},
                )
            await desk.post.deliver_due()

        async def while_it_waits() -> None:
            desk.mail.then = None
            await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(another_replica(), loop))

        desk.mail.then = while_it_waits
        assert await desk.post.deliver_due() == 2
        assert sorted(desk.mail.recipients) == sorted(reporters)


async def test_a_mail_that_left_while_the_database_went_away_does_not_leave_again(
    own_backing: OwnBacking,
) -> None:
    async with notifier_desk(own_backing) as desk:
        reporter = Reporter()
        await desk.hear(reporter.mailbox, reporter.notice())

        async def crash() -> None:
            await asyncio.to_thread(own_backing.postgres.kill)

        desk.mail.then = crash
        delivering = asyncio.create_task(desk.post.deliver_due())
        await wait_until(lambda: _is_down(own_backing), what="a killed database")
        await asyncio.to_thread(own_backing.postgres.start)
        assert await asyncio.wait_for(delivering, 30) == 1
        await desk.all_due()
        assert await desk.post.deliver_due() == 0
        assert desk.mail.recipients == [ADDRESS]


async def _is_down(backing: OwnBacking) -> bool:
    return not backing.postgres.is_running
