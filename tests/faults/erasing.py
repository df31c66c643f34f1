"""The privacy officer at work while everything is killed."""

import asyncio
import json
import random
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from local.client import Caller
from local.system import System

from tests.faults.clients import Ledger
from tests.faults.places import Databases

_SECONDS = 90.0
_NEWEST = 150


@dataclass(frozen=True)
class Erased:
    """A report that must be gone everywhere."""

    mark: str
    town: str
    report_id: UUID
    handle: UUID


@dataclass(frozen=True)
class Certificate:
    """When casework erased, and when each other service confirmed it."""

    erased_at: datetime
    confirmed: dict[str, datetime]

    @property
    def is_complete(self) -> bool:
        """Whether everyone has confirmed."""
        return {"intake", "notifier", "reporting"} <= set(self.confirmed)


class Eraser:
    """Erases reports through the front door; asks again, at any front door, until it is done."""

    def __init__(self, system: System, databases: Databases, ledger: Ledger, dice: random.Random) -> None:
        self.erased: dict[str, Erased] = {}
        self.spared: set[str] = set()  # poison was made of these
        self._system = system
        self._databases = databases
        self._ledger = ledger
        self._dice = dice
        self._officers: dict[tuple[str, str], Caller] = {}

    async def erase_newest(self, count: int) -> None:
        """Erase so many of the reports that casework got last: their events still wait elsewhere."""
        wanted = len(self.erased) + count
        until = asyncio.get_running_loop().time() + _SECONDS
        while len(self.erased) < wanted:
            for report in reversed(self._ledger.accepted[-_NEWEST:]):
                if len(self.erased) < wanted and self._may_go(report.mark):
                    await self._erase(report.mark, report.town)
            if asyncio.get_running_loop().time() > until:
                raise RuntimeError(f"casework got nothing that could be erased within {_SECONDS:.0f} s")
            await asyncio.sleep(0.3)

    def _may_go(self, mark: str) -> bool:
        return mark.startswith("wijk-") and mark not in self.erased and mark not in self.spared

    async def erase_now_and_then(self, count: int, seconds: float) -> None:
        """Erase this many, one after another, spread over so many seconds."""
        for _ in range(count):
            await asyncio.sleep(seconds / count * self._dice.uniform(0.5, 1.5))
            await self.erase_newest(1)

    async def _erase(self, mark: str, town: str) -> None:
        """Nothing when casework has not heard of the report yet."""
        rows = await self._databases.rows(
            "casework", "SELECT id, version, reporter_handle FROM report WHERE neighbourhood = $1", mark
        )
        if not rows:
            return
        known = Erased(mark, town, rows[0]["id"], rows[0]["reporter_handle"])
        self.erased[mark] = known
        body = {"version": rows[0]["version"], "reason": "data-subject-request", "ground": "proef met uitval"}
        until = asyncio.get_running_loop().time() + _SECONDS
        while not await asyncio.to_thread(self._asked, known, body):
            if asyncio.get_running_loop().time() > until:
                raise RuntimeError(f"a report could not be erased within {_SECONDS:.0f} s")
            await asyncio.sleep(0.3)

    def _asked(self, report: Erased, body: dict[str, object]) -> bool:
        url = self._dice.choice(self._system.gateway_urls)
        try:
            officer = self._officers.get((url, report.town)) or self._sign_in(url, report.town)
            answer = officer.call("POST", f"/api/v1/reports/{report.report_id}/erasures", body)
        except (OSError, RuntimeError):
            return False
        if answer.status < 500 and answer.status not in (202, 429):
            raise ValueError(f"erasing was refused with {answer.status}: {answer.body}")
        return answer.status == 202

    def _sign_in(self, url: str, town: str) -> Caller:
        person = self._system.demo.towns[town].person("fleur")
        self._officers[url, town] = Caller(url, town).sign_in(person)
        return self._officers[url, town]

    async def certificates(self) -> dict[str, Certificate]:
        """What casework knows of each erasure, by mark."""
        rows = await self._databases.rows(
            "casework",
            "SELECT report_id, erased_at, confirmed::text AS confirmed FROM erasure",
        )
        found = {row["report_id"]: _certificate(row["erased_at"], row["confirmed"]) for row in rows}
        return {each.mark: found[each.report_id] for each in self.erased.values() if each.report_id in found}


def _certificate(erased_at: datetime, confirmed: str) -> Certificate:
    times = {name: datetime.fromisoformat(at) for name, at in json.loads(confirmed).items()}
    return Certificate(erased_at, times)
