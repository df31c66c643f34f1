"""Clients that post reports, retry with the same key, and keep the list that everything is held against."""

import asyncio
import random
import secrets
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import count
from typing import Self

import aiohttp

from tests.faults.plan import TOWNS, Plan

#: Signal types, and whether the demo's police has a subscription to them.
OFFERED = {"hennepteelt": True, "drugshandel": True, "witwassen": True, "adresfraude": False}
FAILS, KILLS = "stuk", "fataal"

_PROSE = "Elke nacht brandt er licht in de loods en er worden zakken naar binnen gesleept."
_ANSWER_SECONDS = 15.0
_HEDGED, _ASKED_AGAIN = 0.15, 0.1


@dataclass
class Posted:
    """One report as its client knows it. `mark` travels as its neighbourhood and shows wherever it comes."""

    mark: str
    town: str
    signal_type: str
    mail: str | None
    key: str
    receipt: str | None = None
    tries: int = 0

    @property
    def body(self) -> dict[str, object]:
        """What is sent, the same at every try."""
        return {
            "signalType": self.signal_type,
            "description": _PROSE,
            "neighbourhood": self.mark,
            "answers": {"waargenomen": "zelf-waargenomen"},
            **({"contact": {"mail": self.mail}} if self.mail else {}),
        }


@dataclass
class Ledger:
    """The clients' own list: what was answered with 201 must be there once, whatever was killed."""

    posted: dict[str, Posted] = field(default_factory=dict)
    contradicted: list[str] = field(default_factory=list)  # the same key got another receipt
    refused: dict[str, str] = field(default_factory=dict)  # mark → an answer that no retry can mend

    @property
    def accepted(self) -> list[Posted]:
        """Those with a 201."""
        return [each for each in self.posted.values() if each.receipt]

    @property
    def in_doubt(self) -> list[Posted]:
        """Sent, and never answered: may be there, once."""
        return [each for each in self.posted.values() if not each.receipt]


class Clients:
    """Posts at a steady pace; use inside `async with`."""

    def __init__(self, urls: Sequence[str], plan: Plan, dice: random.Random) -> None:
        self.ledger = Ledger()
        self._urls = list(urls)
        self._plan = plan
        self._dice = dice
        self._numbers: Iterator[int] = count(1)
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        self._session = aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=_ANSWER_SECONDS))
        return self

    async def __aexit__(self, *_error: object) -> None:
        if self._session:
            await self._session.close()

    async def work(self, enough: asyncio.Event) -> None:
        """Post until told that it is enough; every report that was begun is brought to its answer."""
        await asyncio.gather(*(self._client(enough) for _ in range(self._plan.clients)))

    async def _client(self, enough: asyncio.Event) -> None:
        gap = self._plan.clients / self._plan.rate
        while not enough.is_set():
            await asyncio.sleep(gap * self._dice.uniform(0.5, 1.5))
            await self.send(self.new())

    def new(self, kind: str = "wijk") -> Posted:
        """A fresh report with a key of its own."""
        number = next(self._numbers)
        mark = f"{kind}-{number:05d}"
        report = Posted(
            mark=mark,
            town=TOWNS[number % len(TOWNS)],
            signal_type=self._dice.choice(list(OFFERED)),
            mail=f"{mark}@melders.example" if number % self._plan.with_mail else None,
            key=secrets.token_urlsafe(24),
        )
        self.ledger.posted[mark] = report
        return report

    async def send(self, report: Posted) -> None:
        """Send until it is answered, each try at any front door; some send twice at once, some ask again."""
        if self._dice.random() < _HEDGED:
            await asyncio.gather(self._try(report), self._try(report))
        while not report.receipt and report.mark not in self.ledger.refused:
            await self._try(report)
            if not report.receipt:
                await asyncio.sleep(self._dice.uniform(0.1, 0.6))
        if self._dice.random() < _ASKED_AGAIN:
            await self._try(report)

    async def _try(self, report: Posted) -> None:
        assert self._session is not None
        report.tries += 1
        headers = {"Municipality": report.town, "Idempotency-Key": report.key}
        url = self._dice.choice(self._urls) + "/api/v1/reports"
        try:
            async with self._session.post(url, json=report.body, headers=headers) as answer:
                document = await answer.json(content_type=None)
                status = answer.status
        except (aiohttp.ClientError, TimeoutError, ValueError, OSError):
            return
        if status == 201:
            if report.receipt and report.receipt != document["receipt"]:
                self.ledger.contradicted.append(report.mark)
            report.receipt = document["receipt"]
        elif status < 500 and status not in (408, 425, 429):
            self.ledger.refused[report.mark] = f"{status} {document.get('code', '')}".strip()
