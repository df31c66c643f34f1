"""``--check``: follows one report through the whole chain and says of each link whether it held."""

import asyncio
import json
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import aio_pika

from local.client import Caller
from local.demo import PARTNER, DemoTown
from local.samples import lines_of, newest_line
from local.system import PartnerAccess, System

_SECONDS = 30.0
_MAIL = "ketenproef@voorbeeld.example"
_SECRET = "Willemijn Zwanenvliet"  # noqa: S105 -- an invented name that must not show in clear


@dataclass(frozen=True)
class Link:
    """One link of the chain and how it fared."""

    name: str
    is_held: bool
    detail: str = ""

    def line(self) -> str:
        """What a person reads."""
        return f"  {'✓' if self.is_held else '✗'} {self.name}{f': {self.detail}' if self.detail else ''}"


class Broken(Exception):
    """The chain broke here; what follows cannot be checked."""


class Chain:
    """A fresh report on its way through the system."""

    def __init__(self, system: System) -> None:
        self._system = system
        self._town: DemoTown = system.demo.first
        self._front = Caller(system.gateway_url, self._town.code)
        self._manager = self._front.sign_in(self._town.person("amina"))
        self._receipt = ""
        self._report: dict[str, Any] = {}

    def links(self) -> Iterator[Link]:
        """Check one after another; stops after the first that broke."""
        steps: tuple[tuple[str, Callable[[], str]], ...] = (
            ("a report is accepted (201) with a receipt", self._accept),
            ("it is routed to a department", self._routed),
            ("the reporter's mail is caught", self._mailed),
            ("the status is there for the receipt", self._status),
            ("its partner got an offer, and no more than that", self._offered),
            ("a handler opens the sealed content", self._opened),
            ("a question reaches the reporter", self._asked),
            ("the reply can be read by the municipality only", self._replied),
            ("it is closed and the reporter is told", self._closed),
            ("the statistics count it", self._counted),
            ("the CSV has its row", self._exported),
        )
        for name, step in steps:
            try:
                yield Link(name, is_held=True, detail=step())
            except (Broken, RuntimeError, OSError, KeyError, TimeoutError) as error:
                yield Link(name, is_held=False, detail=str(error) or type(error).__name__)
                return

    def _accept(self) -> str:
        before = self._figures()
        self._received_before = before["received"]
        known = set(lines_of(self._manager))
        answer = self._front.report(
            {
                "signalType": "hennepteelt",
                "description": f"Ketenproef: {_SECRET} sleept elke nacht zakken naar binnen.",
                "answers": {"waargenomen": "zelf-waargenomen"},
                "neighbourhood": self._town.neighbourhood("Proefwijk"),
                "contact": {"mail": _MAIL},
            }
        )
        self._receipt = answer["receipt"]
        self._report = newest_line(self._manager, known)
        return self._receipt

    def _routed(self) -> str:
        shown = self._manager.call("GET", f"/api/v1/reports/{self._report['id']}").require(200)
        if _SECRET in json.dumps(shown):
            raise Broken("a name stands in clear")
        return f"{shown['department']} by rule {shown['rule']}"

    def _mailed(self) -> str:
        found = _until(lambda: [m for m in self._system.mail.messages() if m["X-Caught-For"] == _MAIL])
        if any(_SECRET in str(message) or self._receipt in str(message) for message in found):
            raise Broken("the mail holds what it may not hold")
        return str(found[0]["Subject"])

    def _status(self) -> str:
        notices = _until(lambda: self._front.read_mailbox(self._receipt)["notices"])
        return str(notices[-1]["text"])

    def _offered(self) -> str:
        access = self._system.partners[self._town.code][PARTNER]
        offer = asyncio.run(_newest_offer(access))
        if offer["signalType"] != "hennepteelt" or self._report["id"] in json.dumps(offer):
            raise Broken("the offer is not what it should be")
        return f"{access.code} was offered {offer['offerId'][:8]}…"

    def _opened(self) -> str:
        content = self._manager.open_with(self._town, self._report["id"], "content")
        if _SECRET not in content[0]:
            raise Broken("the content is not what was sent")
        return "by the municipality's key, after an audit line"

    def _asked(self) -> str:
        self._manager.take(self._report["id"], 1)
        self._manager.ask(self._report["id"], "Hoe laat is dat?")
        questions = _until(lambda: self._front.read_mailbox(self._receipt)["questions"])
        self._front.reply(self._receipt, questions[0], "Om een uur of drie.")
        return str(questions[0]["text"])

    def _replied(self) -> str:
        found = _until(lambda: self._manager.open_with(self._town, self._report["id"], "reply"))
        return str(found[0])

    def _closed(self) -> str:
        report_id = self._report["id"]
        version = self._manager.call("GET", f"/api/v1/reports/{report_id}").require(200)["version"]
        self._manager.close(report_id, version, "supervision")
        wanted = "closed-followed-up"
        notices = _until(
            lambda: [
                notice
                for notice in self._front.read_mailbox(self._receipt)["notices"]
                if notice["feedback"] == wanted
            ]
        )
        return str(notices[0]["text"])

    def _counted(self) -> str:
        wanted = self._received_before + 1
        figures = _until(lambda: now if (now := self._figures())["received"] >= wanted else None)
        return f"{figures['received']} received, {figures['closed']} closed"

    def _exported(self) -> str:
        caller = self._front.with_key(self._town.api_key)
        path = "/api/v1/exports/reports.csv?purpose=ketenproef&status=closed"

        def rows() -> list[str]:
            content = caller.call("GET", path).require(200)
            lines = content.decode().splitlines() if isinstance(content, bytes) else []
            return [line for line in lines if self._report["id"] in line]

        return f"{str(_until(rows)[0])[:60]}…"

    def _figures(self) -> dict[str, int]:
        totals: dict[str, int] = self._manager.call("GET", "/api/v1/statistics").require(200)["totals"]
        return totals


async def _newest_offer(access: PartnerAccess) -> dict[str, Any]:
    """The last message in the partner's queue; all are acknowledged, as a partner would."""
    connection = await aio_pika.connect(access.amqp_url)
    async with connection:
        channel = await connection.channel()
        queue = await channel.get_queue(access.queue, ensure=False)
        newest: dict[str, Any] = {}
        until = time.monotonic() + _SECONDS
        while time.monotonic() < until:
            message = await queue.get(fail=False)
            if message is None:
                if newest:
                    return newest
                await asyncio.sleep(0.2)
                continue
            await message.ack()
            newest = json.loads(message.body)["data"]
    raise Broken("no offer came")


def _until(look: Callable[[], Any]) -> Any:  # noqa: ANN401 -- whatever is looked for
    """What `look` finds, as soon as it finds something; raises `Broken` when it takes too long."""
    until = time.monotonic() + _SECONDS
    while True:
        try:
            found = look()
        except RuntimeError:
            if time.monotonic() > until:
                raise
            found = None
        if found:
            return found
        if time.monotonic() > until:
            raise Broken(f"nothing came within {_SECONDS:.0f} seconds")
        time.sleep(0.1)
