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

#: The platform keeps quarters of an hour only. What came before an erasure, and what after it, is told by the
#: moment at which its tombstone was written, which this run lets the two databases note for itself.
_WATCH = """
    CREATE TABLE IF NOT EXISTS noted_erasure (
        subject text PRIMARY KEY, at timestamptz NOT NULL DEFAULT clock_timestamp()
    );
    CREATE OR REPLACE FUNCTION note_erasure() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$ BEGIN
        INSERT INTO public.noted_erasure (subject) VALUES (NEW.subject) ON CONFLICT DO NOTHING;
        RETURN NULL;
    END $$;
    CREATE OR REPLACE TRIGGER note AFTER INSERT ON tombstone FOR EACH ROW EXECUTE FUNCTION note_erasure();
"""
_NOTED = "SELECT subject, at FROM noted_erasure"


@dataclass(frozen=True)
class Erased:
    """A report that must be gone everywhere."""

    mark: str
    town: str
    report_id: UUID
    handle: UUID


@dataclass(frozen=True)
class Certificate:
    """When casework erased and when the notifier did, finely, and who confirmed it."""

    erased_at: datetime
    forgotten_at: datetime | None  # by the notifier
    confirmed: frozenset[str]

    @property
    def is_complete(self) -> bool:
        """Whether everyone has confirmed."""
        return {"intake", "notifier", "reporting"} <= self.confirmed


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

    async def watch(self) -> None:
        """Let the databases note when they erase; before the first erasure."""
        for service in ("casework", "notifier"):
            await self._databases.script(service, _WATCH)

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
        body = {"version": rows[0]["version"], "reason": "data-subject-request", "ground": "other"}
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
            "SELECT report_id, confirmed::text AS confirmed FROM erasure",
        )
        confirmed = {row["report_id"]: frozenset(json.loads(row["confirmed"])) for row in rows}
        erased = {row["subject"]: row["at"] for row in await self._databases.rows("casework", _NOTED)}
        forgotten = {row["subject"]: row["at"] for row in await self._databases.rows("notifier", _NOTED)}
        return {
            each.mark: Certificate(
                erased[str(each.report_id)], forgotten.get(str(each.handle)), confirmed[each.report_id]
            )
            for each in self.erased.values()
            if each.report_id in confirmed
        }
