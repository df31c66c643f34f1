"""Messages that can never be handled, that fail for now, and that kill whoever handles them."""

import asyncio
import json
import subprocess
import sys
from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import UUID, uuid4

from common.contracts.intake import ReportCounted, ReportReceived
from common.contracts.notifier import ReplyGiven
from common.messaging.envelope import Envelope, encode, read_envelope
from common.sealing import Recipient, seal_content
from local.demo import DemoTown
from local.process import Process

from tests.faults.clients import FAILS, KILLS, Clients, Posted
from tests.faults.echo import Echo, renamed
from tests.faults.killing import Killer
from tests.faults.places import Databases
from tests.faults.plan import SERVICES

_SLEEP_SECONDS = 1.5
#: A fault in casework's own house: reports of one kind fail, and over those of another it "hangs" until the
#: watcher has killed the process that hangs.
_FAULT = f"""
    CREATE FUNCTION faults_poison() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
        IF NEW.neighbourhood LIKE '{KILLS}-%' THEN PERFORM pg_sleep({_SLEEP_SECONDS}); END IF;
        RAISE EXCEPTION 'a planted fault';
    END $$
"""
_PLANT = f"""
    CREATE TRIGGER faults_poison BEFORE INSERT ON report FOR EACH ROW
    WHEN (NEW.neighbourhood LIKE '{FAILS}-%' OR NEW.neighbourhood LIKE '{KILLS}-%')
    EXECUTE FUNCTION faults_poison()
"""
_SLEEPERS = """
    SELECT client_port FROM pg_stat_activity WHERE datname = 'casework' AND wait_event = 'PgSleep'
"""
_PARKED = "SELECT id, event_id, type, body, error FROM waiting WHERE parked_at IS NOT NULL ORDER BY id"


@dataclass(frozen=True)
class Parked:
    """A parked message, and the mark of the report in it, if it carries one."""

    service: str
    id: int
    event_id: UUID
    type: str
    mark: str | None
    error: str | None

    def __str__(self) -> str:
        return f"{self.service}: {self.type} {self.mark or self.event_id} ({self.error})"


class Poison:
    """Plants poison, kills what touches the deadly kind, and afterwards mends, replays and discards."""

    def __init__(self, databases: Databases, killer: Killer, echo: Echo, clients: Clients) -> None:
        self.forged: dict[UUID, str] = {}  # event id → what is wrong with it
        self.reports: list[Posted] = []
        self.deaths = 0
        self.replayed = 0
        self._databases = databases
        self._killer = killer
        self._echo = echo
        self._clients = clients

    async def plant(self) -> None:
        """Let casework fail on marked reports."""
        for statement in (_FAULT, _PLANT):
            await self._databases.rows("casework", statement)

    async def mend(self) -> None:
        """Take the fault out, as a release of casework would."""
        await self._databases.rows("casework", "DROP TRIGGER faults_poison ON report")

    async def watch(self) -> None:
        """Kill every process that hangs over a deadly report; never returns."""
        while True:
            for row in await self._databases.rows("postgres", _SLEEPERS):
                process = self._killer.process_on(row["client_port"])
                if process is not None:
                    self._killer.kill(process, process.service)
                    self.deaths += 1
            await asyncio.sleep(0.1)

    async def post(self, count: int) -> None:
        """Real reports that are accepted, and that casework cannot handle yet."""
        for kind in (FAILS, KILLS) * count:
            report = self._clients.new(kind)
            self.reports.append(report)
            await self._clients.send(report)
            await asyncio.sleep(1)

    async def forge(self, town: DemoTown, of: Envelope) -> None:
        """Deliver what no client and no service of ours would send; `of` is a real report's event."""
        again = renamed(of)
        broken = _broken_contract(town.code)
        stranger = _unknown_type(town.code)
        reply = _reply_to_nothing(town)
        for queue, envelope, what in (
            ("casework", again, "a second report under a known id"),
            ("reporting", broken, "a broken contract"),
            ("notifier", stranger, "an unknown type"),
            ("casework", reply, "a reply to a question never asked"),
        ):
            self.forged[envelope.event_id] = what
            await self._echo.publish([(queue, str(envelope.event_id), envelope.body)])
        await self._echo.publish([("reporting", str(uuid4()), b"\xff no event at all")])

    async def parked(self) -> list[Parked]:
        """Every parked message of every service."""
        return [
            Parked(service, row["id"], row["event_id"], row["type"], _mark_in(row["body"]), row["error"])
            for service in SERVICES
            for row in await self._databases.rows(service, _PARKED)
        ]

    def is_ours(self, parked: Parked) -> bool:
        """Whether a parked message is poison: forged, or the event of a marked report at casework."""
        marks = {report.mark for report in self.reports}
        is_report = parked.service == "casework" and parked.type == ReportReceived.event_type()
        return parked.event_id in self.forged or (is_report and parked.mark in marks)

    def missing(self, parked: list[Parked]) -> list[str]:
        """The poison that is not parked."""
        ids, marks = {each.event_id for each in parked}, {each.mark for each in parked}
        forged = [what for event_id, what in self.forged.items() if event_id not in ids]
        return [*forged, *(report.mark for report in self.reports if report.mark not in marks)]

    async def replay(self, process: Process, parked: list[Parked]) -> None:
        """Give marked reports their tries again, as an operator does; a replica dies on the way."""
        ids = [each.id for each in parked if self.is_ours(each) and each.event_id not in self.forged]
        self.replayed = await _waiting_room(process, "replay", ids) if ids else 0
        await self._killer.kill_one("casework")

    async def discard(self, processes: dict[str, Process], parked: list[Parked]) -> int:
        """Throw away what can never be handled; returns how many."""
        chosen = {
            service: [each.id for each in parked if each.service == service and each.event_id in self.forged]
            for service in processes
        }
        discarding = (
            _waiting_room(processes[service], "discard", ids) for service, ids in chosen.items() if ids
        )
        return sum(await asyncio.gather(*discarding))


async def _waiting_room(process: Process, action: str, ids: list[int]) -> int:
    """``python -m <service> waiting …``; returns the number that it prints."""
    chosen = [word for each in ids for word in ("--id", str(each))]
    done = await asyncio.to_thread(
        subprocess.run,
        [sys.executable, "-m", process.service, "waiting", action, *chosen],
        env=process.environment,
        capture_output=True,
        text=True,
        timeout=60,
    )
    if done.returncode:
        raise RuntimeError(
            f"{process.service} waiting {action} ended with {done.returncode}: {done.stderr[-500:]}"
        )
    return int(done.stdout.split(":")[1].split()[0])


def _mark_in(body: bytes) -> str | None:
    found = json.loads(body)["data"].get("neighbourhood")
    return str(found) if found else None


def _broken_contract(town: str) -> Envelope:
    return _raw(ReportCounted.event_type(), town, {"municipality": town, "reportId": "no id at all"})


def _unknown_type(town: str) -> Envelope:
    return _raw("nl.vermoeden.intake.report-dreamt.v1", town, {"municipality": town})


def _raw(kind: str, town: str, data: dict[str, str]) -> Envelope:
    document = {
        "specversion": "1.0",
        "id": str(uuid4()),
        "source": "urn:nld:vermoeden:intake",
        "type": kind,
        "subject": str(uuid4()),
        "time": datetime.now(UTC).isoformat(),
        "municipality": town,
        "data": data,
    }
    return read_envelope(json.dumps(document).encode())


def _reply_to_nothing(town: DemoTown) -> Envelope:
    question = uuid4()
    recipient = Recipient("general", town.key_id("general"), town.key_pair("general").public)
    sealed = seal_content(
        b"nee", [recipient], municipality=town.code, compartment="reply", subject=str(question)
    )
    reply = ReplyGiven(
        municipality=town.code,
        reporter_handle=uuid4(),
        question_id=question,
        reply_id=uuid4(),
        sealed_reply=sealed,
        given_at=datetime.now(UTC),
    )
    return encode(reply)
