"""One run from the first post to the verdict: load, kills, holds, poison, erasures, repeats, comparison."""

import asyncio
import random
import subprocess
import sys
import time
from collections.abc import Callable

from common.contracts.intake import ReportReceived
from common.messaging.envelope import Envelope
from local.system import System
from notifier.settings import NotifierSettings

from tests.faults.clients import Clients
from tests.faults.echo import Echo, renamed
from tests.faults.erasing import Eraser
from tests.faults.evidence import Evidence
from tests.faults.killing import Killer
from tests.faults.places import Databases
from tests.faults.plan import KINDS, SERVICES, Plan
from tests.faults.poison import Parked, Poison
from tests.faults.verdict import Verdict
from tests.support.backing import settle_new_queues
from tests.support.whole import impersonator

Say = Callable[[str], None]

_QUIET_SECONDS = 120.0
_MAILS_AT_A_TIME: int = NotifierSettings.model_fields["delivery_batch"].default
_LEFT = """
    SELECT (SELECT count(*) FROM outbox WHERE sent_at IS NULL)
         + (SELECT count(*) FROM waiting WHERE parked_at IS NULL) AS left,
           (SELECT count(*) FROM inbox) AS heard
"""


class NotFinished(Exception):
    """The run came to no verdict; the text says where it stood."""


class Run:
    """The parts of one run on a system that was started."""

    def __init__(self, system: System, plan: Plan, say: Say) -> None:
        dice = random.Random(plan.seed)  # noqa: S311 -- repeatable, not secret
        self._system = system
        self._plan = plan
        self._say = say
        self._dice = dice
        self._started = time.monotonic()
        self._databases = Databases(system)
        self._killer = Killer(system, self._databases, plan, dice, say)
        self._echo = Echo(lambda: impersonator(system), dice)
        self._clients = Clients(system.gateway_urls, plan, dice)
        self._eraser = Eraser(system, self._databases, self._clients.ledger, dice)
        self._poison = Poison(self._databases, self._killer, self._echo, self._clients)
        self._faults: list[str] = []
        self._innocents: list[str] = []

    async def verdict(self) -> Verdict:
        """Do everything; raises `NotFinished` when it takes too long."""
        await self._poison.plant()
        await self._eraser.watch()
        async with self._clients, asyncio.TaskGroup() as group:
            background = [
                group.create_task(work())
                for work in (self._echo.listen, self._killer.supervise, self._poison.watch)
            ]
            await asyncio.to_thread(settle_new_queues)
            await self._chaos()
            await self._become_quiet("everything is up again; what waits is handled")
            await self._handle_poison()
            await self._say_it_again()
            verdict = await self._compare()
            for task in background:
                task.cancel()
        self._databases.close()
        return verdict

    async def _chaos(self) -> None:
        enough = asyncio.Event()
        async with asyncio.TaskGroup() as group:
            posting = group.create_task(self._clients.work(enough))
            group.create_task(self._tell(posting))
            await self._until_accepted(10)
            await self._hold_each(self._plan.erasures // 4)
            await self._kill_everything()
            await self._until_accepted(self._plan.reports)
            enough.set()

    async def _kill_everything(self) -> None:
        """The rounds of kills, with poison, repeats and erasures among them."""
        seconds = max(15.0, self._plan.reports / self._plan.rate / 2)
        async with asyncio.TaskGroup() as group:
            for work in (
                self._killer.rounds(),
                self._poison.post(self._plan.poison),
                self._forge_poison(),
                self._echo.repeat(self._plan.repeats, seconds),
                self._eraser.erase_now_and_then(self._plan.erasures // 2, seconds),
            ):
                group.create_task(work)

    async def _hold_each(self, erasures: int) -> None:
        """Keep a service down until its queue has grown, erase what waits in it, and shuffle the queue."""
        for service in self._plan.held:
            await self._killer.hold(service)
            seen = len(self._clients.ledger.accepted)
            await self._until_accepted(seen + int(self._plan.rate * 2))
            if service != "casework":
                await self._eraser.erase_newest(erasures)
            count = await self._echo.shuffle(service)
            self._killer.release(service)
            self._say(f"{service} was down; {count} events that waited for it were shuffled …")

    async def _until_accepted(self, count: int) -> None:
        await until(lambda: len(self._clients.ledger.accepted) >= count)

    async def _tell(self, posting: "asyncio.Task[None]") -> None:
        while not posting.done():
            ledger = self._clients.ledger
            self._say(
                f"{len(ledger.accepted)} accepted, {len(self._eraser.erased)} erased, "
                f"{self._echo.repeated} repeats, {sum(self._killer.kills.values())} kills"
            )
            await asyncio.wait([posting], timeout=10)

    async def _forge_poison(self) -> None:
        await until(lambda: bool(self._received_events()))
        victim = self._received_events()[0]
        self._eraser.spared.add(_mark_of(victim))
        await self._poison.forge(self._system.demo.first, victim)

    def _received_events(self) -> list[Envelope]:
        """Copies of what intake said of ordinary reports that nobody erased."""
        return [
            each
            for each in self._echo.copies.values()
            if each.type == ReportReceived.event_type()
            and _mark_of(each).startswith("wijk-")
            and _mark_of(each) not in self._eraser.erased
        ]

    async def _handle_poison(self) -> None:
        parked = await self._poison.parked()
        self._faults += [f"poison is not parked: {what}" for what in self._poison.missing(parked)]
        self._note_innocents(parked)
        self._say(f"{len(parked)} messages are parked; the fault is mended, they are replayed or discarded …")
        await self._poison.mend()
        await self._poison.replay(self._system.process("casework"), parked)
        first = {service: self._system.process(service) for service in SERVICES}
        discarded = await self._poison.discard(first, parked)
        if (self._poison.replayed, discarded) != (len(self._poison.reports), len(self._poison.forged)):
            self._faults.append(f"{self._poison.replayed} were replayed and {discarded} discarded")
        await self._become_quiet("what was replayed is handled")

    async def _say_it_again(self) -> None:
        """Repeats at the very end, and under new ids whatever was ever said of what is erased."""
        gone = {
            str(each) for erased in self._eraser.erased.values() for each in (erased.report_id, erased.handle)
        }
        late = [renamed(each) for each in self._echo.copies.values() if each.subject in gone]
        again = self._dice.sample(list(self._echo.copies.values()), min(500, len(self._echo.copies)))
        self._say(f"{len(late)} events about erased reports are said again under new ids …")
        await self._echo.deliver([*late, *again])
        await self._become_quiet("what was said again is handled")
        self._note_innocents(await self._poison.parked())

    def _note_innocents(self, parked: list[Parked]) -> None:
        self._innocents += [str(each) for each in parked if not self._poison.is_ours(each)]

    async def _become_quiet(self, what: str) -> None:
        """Wait until every process is ready, nothing waits anywhere, and nothing new is heard."""
        self._say(f"{what} …")
        await self._killer.all_ready()
        until = time.monotonic() + _QUIET_SECONDS
        before: list[int] = []
        same = 0
        while same < 3:
            left, heard = await self._left()
            same = same + 1 if not left and heard == before else 0
            before = heard
            if time.monotonic() > until:
                raise NotFinished(f"After {_QUIET_SECONDS:.0f} s still waiting: {left or 'new events come'}")
            await asyncio.sleep(0.7)

    async def _left(self) -> tuple[dict[str, int], list[int]]:
        """What still waits, by place, and how many events each service has heard."""
        left: dict[str, int] = {}
        heard = []
        for service in SERVICES:
            row = (await self._databases.rows(service, _LEFT))[0]
            left[f"{service}: outbox and waiting room"] = row["left"]
            heard.append(row["heard"])
            if service != "gateway":
                left[f"{service}: queue"] = await self._echo.depth(service)
        for access in (each for town in self._system.partners.values() for each in town.values()):
            left[f"{access.queue}: on the way"] = await self._echo.depth(access.queue)
        left["notifier: mails"] = await self._databases.value(
            "notifier", "SELECT count(*) FROM delivery WHERE state = 'queued'"
        )
        return {name: count for name, count in left.items() if count}, heard

    async def _compare(self) -> Verdict:
        self._say("the clients' list is compared with every place …")
        ledger = self._clients.ledger
        erasures = await self._eraser.certificates()
        evidence = Evidence(self._system, self._databases, ledger, erasures)
        found = await evidence.found()
        self._faults += [f"the same key got another receipt: {mark}" for mark in ledger.contradicted]
        self._faults += [f"a valid report was refused: {mark}: {why}" for mark, why in ledger.refused.items()]
        self._faults += [
            f"an erasure was not confirmed by all: {mark}"
            for mark in self._eraser.erased
            if mark not in erasures or not erasures[mark].is_complete
        ]
        self._faults += await self._left_over()
        return Verdict(
            accepted=len(ledger.accepted),
            kills={kind: self._killer.kills[kind] for kind in KINDS},
            wanted_kills=self._plan.kills,
            places=found.places,
            innocent_parked=sorted(set(self._innocents)),
            faults=self._faults,
            mail_repeats=found.mail_repeats,
            mail_repeats_allowed=self._killer.deaths["notifier"] * _MAILS_AT_A_TIME,
            measured={
                "posts": sum(each.tries for each in ledger.posted.values()),
                "erased": len(erasures),
                "repeated_deliveries": self._echo.repeated,
                "shuffled_deliveries": self._echo.shuffled,
                "poison_parked": len(self._poison.reports) + len(self._poison.forged),
                "poison_replayed": self._poison.replayed,
                "killed_by_poison": self._poison.deaths,
                "offers_again_under_the_same_id": found.offer_repeats,
                "seconds": round(time.monotonic() - self._started),
            },
        )

    async def _left_over(self) -> list[str]:
        """What must not be there at the end: dead letters but our own, parked outbox rows, wrong rollups."""
        faults = []
        dead = await self._echo.depth("dead-letter")
        if dead != 1:
            faults.append(f"{dead} messages are dead letters; the one unreadable one should be")
        if parked := await self._poison.parked():
            faults.append(f"still parked at the end: {', '.join(map(str, parked))}")
        stuck = {
            service: await self._databases.value(
                service, "SELECT count(*) FROM outbox WHERE parked_at IS NOT NULL"
            )
            for service in SERVICES
        }
        faults += [
            f"{count} facts are stuck in the outbox of {name}" for name, count in stuck.items() if count
        ]
        check = await asyncio.to_thread(
            subprocess.run,
            [sys.executable, "-m", "reporting", "rebuild", "--check"],
            env=self._system.process("reporting").environment,
            capture_output=True,
            text=True,
            timeout=60,
        )
        if check.returncode:
            faults.append(f"reporting's counts are not its rows: {check.stdout.strip()}")
        return faults


async def until(condition: Callable[[], bool]) -> None:
    """Return as soon as this holds; the run's own limit bounds the wait."""
    while not condition():  # noqa: ASYNC110 -- clients and copies set no events
        await asyncio.sleep(0.2)


def _mark_of(envelope: Envelope) -> str:
    return envelope.body.partition(b'"neighbourhood":"')[2].partition(b'"')[0].decode()
