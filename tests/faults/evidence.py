"""Looks in every place where a report shows, as its users would, and lists what is there."""

import asyncio
import csv
import io
import json
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor  # noqa: TID251 -- of a test
from dataclasses import dataclass
from datetime import UTC, datetime
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path
from typing import Any, TypeVar

import aio_pika
from common.contracts.casework import ReportOffered
from common.receipt import mailbox_of, parse_receipt
from local.client import Caller
from local.demo import PARTNER, DemoTown
from local.system import System

from tests.faults.clients import OFFERED, Ledger, Posted
from tests.faults.erasing import Certificate
from tests.faults.places import Databases
from tests.faults.verdict import Place

_READERS = 4
_TRIES = 10

Answered = TypeVar("Answered")

_HISTORY = """
    SELECT r.neighbourhood AS mark, h.what || coalesce(' ' || (h.detail ->> 'template'), '') AS what, count(*)
    FROM history h JOIN report r ON r.municipality = h.municipality AND r.id = h.report_id GROUP BY 1, 2
"""


@dataclass(frozen=True)
class Found:
    """What there is, and what came again under the id that it had, so that its receiver can drop it."""

    places: list[Place]
    mail_repeats: int
    offer_repeats: int


class Evidence:
    """Everything that a run left behind, place by place."""

    def __init__(
        self, system: System, databases: Databases, ledger: Ledger, erasures: dict[str, Certificate]
    ) -> None:
        self._system = system
        self._databases = databases
        self._accepted = ledger.accepted
        self._erasures = erasures
        self._gone = frozenset(erasures)
        self._there = [report for report in self._accepted if report.mark not in self._gone]

    async def found(self) -> Found:
        """Look everywhere."""
        mails, mail_repeats = await asyncio.to_thread(self._mails)
        offers, offer_repeats = await self._offers()
        places = [
            await self._casework(),
            *await self._history(),
            await self._reporting(),
            *[await asyncio.to_thread(look) for look in (self._statistics, self._csv, self._mailboxes)],
            mails,
            offers,
        ]
        return Found(places, mail_repeats, offer_repeats)

    def _place(
        self,
        name: str,
        found: Counter[str],
        reports: Iterable[Posted] | None = None,
        gone: frozenset[str] | None = None,
    ) -> Place:
        wanted = self._there if reports is None else reports
        return Place(
            name, frozenset(each.mark for each in wanted), self._gone if gone is None else gone, found
        )

    async def _casework(self) -> Place:
        rows = await self._databases.rows(
            "casework", "SELECT neighbourhood, count(*) FROM report WHERE department IS NOT NULL GROUP BY 1"
        )
        return self._place("casework: routed", Counter(dict(map(tuple, rows))))

    async def _history(self) -> list[Place]:
        rows = await self._databases.rows("casework", _HISTORY)
        found: dict[str, Counter[str]] = defaultdict(Counter)
        for row in rows:
            found[row["what"]][row["mark"]] += row["count"]
        mailed = [report for report in self._there if report.mail]
        orphans = await self._databases.rows(
            "casework",
            """SELECT DISTINCT e.report_id::text, 1 FROM erasure e
               JOIN history h USING (municipality, report_id)""",
        )
        return [
            self._place("casework: received, once told", found["received"]),
            self._place("casework: feedback noted", found["feedback-sent received"], mailed),
            Place(
                "casework: history of erased",
                frozenset(),
                frozenset(row[0] for row in orphans),
                Counter(dict(map(tuple, orphans))),
            ),
        ]

    async def _reporting(self) -> Place:
        rows = await self._databases.rows(
            "reporting",
            """SELECT neighbourhood, count(*) FROM report_row
               WHERE received_on IS NOT NULL AND department IS NOT NULL GROUP BY 1""",
        )
        return self._place("reporting: counted and routed", Counter(dict(map(tuple, rows))))

    def _statistics(self) -> Place:
        """Each town's total must be its rows, with those that were counted before they were erased."""
        found: Counter[str] = Counter()
        for code, town in self._system.demo.towns.items():
            total = self._total(town)
            there = sum(report.town == code for report in self._there)
            erased = sum(report.town == code for report in self._accepted) - there
            found[code] = 1 + max(0, total - there - erased) if total >= there else 0
        return Place("reporting: totals per town", frozenset(found), frozenset(), found)

    def _total(self, town: DemoTown) -> int:
        def ask() -> int:
            manager = Caller(self._system.gateway_url, town.code).sign_in(town.person("amina"))
            figures = manager.call("GET", "/api/v1/statistics").require(200)
            return int(figures["totals"]["received"])

        return _patiently(ask)

    def _csv(self) -> Place:
        found = Counter(mark for town in self._system.demo.towns.values() for mark in self._exported(town))
        return self._place("CSV: one row", found)

    def _exported(self, town: DemoTown) -> list[str]:
        caller = Caller(self._system.gateway_url, town.code).with_key(town.api_key)
        path = "/api/v1/exports/reports.csv?purpose=proef&headers=en&columns=reportId,neighbourhood"
        content: bytes = _patiently(lambda: caller.call("GET", path).require(200))
        return [row["neighbourhood"] for row in csv.DictReader(io.StringIO(content.decode()))]

    def _mailboxes(self) -> Place:
        """Through the front door, with each client's own receipt: one notice that it was received."""
        with ThreadPoolExecutor(_READERS) as readers:
            told = readers.map(self._told, self._accepted)
            found = Counter({report.mark: times for report, times in zip(self._accepted, told, strict=True)})
        return self._place("mailbox: status by receipt", found)

    def _told(self, report: Posted) -> int:
        assert report.receipt is not None
        caller = Caller(self._system.gateway_url, report.town)
        lookup = {"lookupId": mailbox_of(parse_receipt(report.receipt)).lookup_id}

        def ask() -> list[dict[str, Any]] | None:
            answer = caller.call("POST", "/api/v1/mailboxes/_search", lookup)
            return None if answer.status == 404 else answer.require(200)["notices"]

        notices = _patiently(ask)
        if notices is None:
            return 0
        times = sum(notice["feedback"] == "received" for notice in notices)
        return times if report.mark not in self._gone else 1

    def _mails(self) -> tuple[Place, int]:
        """A mail with a Message-ID of its own is an effect; of an erased report only what came afterwards."""
        by_address = {report.mail: report for report in self._accepted if report.mail}
        ids: dict[str, list[str]] = defaultdict(list)
        for file in sorted(self._system.mail.folder.glob("*.eml")):
            message, at = _read_mail(file)
            report = by_address.get(str(message["X-Caught-For"]))
            if report is not None and not self._was_before(report.mark, at):
                ids[report.mark].append(str(message["Message-ID"]))
        found = Counter({mark: len(set(each)) for mark, each in ids.items()})
        mailed = [report for report in self._there if report.mail]
        repeats = sum(len(each) - len(set(each)) for each in ids.values())
        return self._place("mail: one to each address", found, mailed), repeats

    def _was_before(self, mark: str, at: datetime) -> bool:
        certificate = self._erasures.get(mark)
        return certificate is not None and at <= (certificate.forgotten_at or at)

    async def _offers(self) -> tuple[Place, int]:
        """An offer id is an effect; of an erased report only what was surely spoken afterwards."""
        ids: dict[str, set[str]] = defaultdict(set)
        seen: set[str] = set()
        repeats = 0
        for access in (partners[PARTNER] for partners in self._system.partners.values()):
            for event in await _waiting_at(access.amqp_url, access.queue):
                repeats += event["id"] in seen
                seen.add(event["id"])
                assert event["type"] == ReportOffered.event_type()
                mark = event["data"]["neighbourhood"]
                certificate = self._erasures.get(mark)
                if certificate is None or datetime.fromisoformat(event["time"]) > certificate.erased_at:
                    ids[mark].add(event["data"]["offerId"])
        offered = [report for report in self._there if OFFERED[report.signal_type]]
        found = Counter({mark: len(each) for mark, each in ids.items()})
        return self._place("partner's queue: one offer", found, offered), repeats


def _patiently(ask: Callable[[], Answered]) -> Answered:
    """Ask as a person does, who tries again when told that something is away for a moment."""
    for _ in range(_TRIES):
        try:
            return ask()
        except (RuntimeError, OSError):
            time.sleep(0.5)
    return ask()


async def _waiting_at(amqp_url: str, queue_name: str) -> list[dict[str, Any]]:
    """All messages of a queue, read with its owner's rights; they stay there."""
    found = []
    connection = await aio_pika.connect(amqp_url, timeout=10)
    async with connection:
        channel = await connection.channel()
        queue = await channel.get_queue(queue_name, ensure=False)
        while (message := await queue.get(fail=False)) is not None:
            found.append(json.loads(message.body))
    return found


def _read_mail(file: Path) -> tuple[EmailMessage, datetime]:
    """A caught mail, and the moment at which the catcher took it."""
    message: Any = message_from_bytes(file.read_bytes(), policy=policy.default)
    nanoseconds = int(file.name.partition("-")[0])
    return message, datetime.fromtimestamp(nanoseconds / 1e9, UTC)
