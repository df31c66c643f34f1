"""The notifier at work on a real database with a mail catcher, and somebody who reported."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID, uuid4

import httpx
from common.coarse import coarse_now
from common.contracts.casework import NoticeDue, QuestionAsked, ReportErased
from common.contracts.codes import ErasureGround, FeedbackKey, KeyGroup
from common.contracts.gateway import Department
from common.contracts.intake import MailboxOpened
from common.db import Database
from common.messaging.handling import Dispatcher
from common.questions import committed
from common.receipt import derive_receipt, mailbox_of
from common.sealing import (
    ADDRESS_BUCKETS,
    Context,
    generate_key_pair,
    seal_text,
)
from common.sealing import encode as base64url
from notifier.consumers import handlers
from notifier.delivery.post import Post
from notifier.main import build_app
from notifier.settings import NotifierSettings
from sqlalchemy import text

from tests.support.backing import Backing
from tests.support.databases import opened, service_database
from tests.support.hearing import Hearing
from tests.support.identities import KEYS, anonymous, bearer
from tests.support.mail import Catcher, catching
from tests.support.municipality import Town, make_town

ADDRESS = "melder@voorbeeld.example"
NOTIFIER = generate_key_pair()


@dataclass
class Desk(Hearing):
    """A notifier at work, and what a test needs around it."""

    client: httpx.AsyncClient
    database: Database
    settings: NotifierSettings
    town: Town
    mail: Catcher
    dispatcher: Dispatcher = field(default_factory=lambda: Dispatcher(handlers(lambda: None)))

    @property
    def post(self) -> Post:
        """Another replica's post."""
        return Post(self.database, self.settings)

    async def deliveries(self) -> list[Any]:
        async with self.database.flowing() as connection:
            rows = await connection.execute(text("SELECT * FROM delivery ORDER BY created_at"))
            return [row._mapping for row in rows]

    async def all_due(self) -> None:
        async with self.database.flowing() as connection:
            await connection.execute(text("UPDATE delivery SET due_at = now() - interval '1 second'"))

    async def ask(self, path: str, body: Any, **changes: Any) -> httpx.Response:
        who = changes.get("who", anonymous())
        return await self.client.post(f"/api/v1/mailboxes/{path}", json=body, headers=bearer("notifier", who))


@asynccontextmanager
async def notifier_desk(backing: Backing) -> AsyncIterator[Desk]:
    """A notifier with one municipality and a mail server that catches everything."""
    urls = await service_database(backing, "notifier")
    town = make_town()
    told = Department(code="vth", name="VTH", mail="vth@zandrecht.example")
    departments = (told, *(each for each in town.state.departments if each.code != "vth"))
    with catching() as mail:
        settings = NotifierSettings(
            database_web_url=urls.web,
            database_flow_url=urls.flow,
            broker_url="amqp://127.0.0.1:1/",
            identity_keys=KEYS,
            notifier_private_key=base64url(NOTIFIER.private),
            smtp_port=mail.port,
            smtp_security="none",
            smtp_seconds=1,
            public_url="https://meld.example/",
            delivery_retry_seconds=(60, 300),
        )
        async with opened(urls) as database:
            transport = httpx.ASGITransport(build_app(settings, database))
            async with httpx.AsyncClient(transport=transport, base_url="http://t") as client:
                desk = Desk(client, database, settings, town, mail)
                await desk.hear(town.state.model_copy(update={"departments": departments}))
                yield desk


@dataclass
class Reporter:
    """Somebody who reported, and the events about them."""

    handle: UUID = field(default_factory=uuid4)
    receipt: str = field(default_factory=lambda: derive_receipt(uuid4().hex.encode()))
    language: str = "nl"
    address: str | None = ADDRESS

    @property
    def lookup(self) -> str:
        return mailbox_of(self.receipt).lookup_id

    @property
    def mailbox(self) -> MailboxOpened:
        context = Context("zandrecht", "address", str(self.handle), "notifier")
        sealed = (
            seal_text(self.address, NOTIFIER.public, context, buckets=ADDRESS_BUCKETS)
            if self.address
            else None
        )
        return MailboxOpened(
            municipality="zandrecht",
            reporter_handle=self.handle,
            lookup_id=self.lookup,
            language=self.language,
            sealed_address=base64url(sealed) if sealed else None,
            signer_pin="-",  # nothing here looks at it: browsers do
            verify_key=mailbox_of(self.receipt).signing.public_key,
        )

    def notice(self, feedback: FeedbackKey = FeedbackKey.RECEIVED, version: int = 1) -> NoticeDue:
        return NoticeDue(
            municipality="zandrecht",
            reporter_handle=self.handle,
            feedback=feedback,
            version=version,
            due_at=coarse_now(),
        )

    def question(self, town: Town) -> QuestionAsked:
        question_id = uuid4()
        context = Context("zandrecht", "question", str(question_id), "reporter")
        mailbox = mailbox_of(self.receipt)
        said, digest = committed("Hoe laat?")
        return QuestionAsked(
            municipality="zandrecht",
            reporter_handle=self.handle,
            question_id=question_id,
            sealed_question=base64url(seal_text(said, mailbox.public_key, context)),
            digest=digest,
            reply_key_id="general-1",
            reply_key_group="general",
            reply_public_key=base64url(town.keys[KeyGroup.GENERAL].public),
            signers=town.state.signers,
            asked_at=coarse_now(),
        )

    def erased(self) -> ReportErased:
        return ReportErased(
            municipality="zandrecht",
            report_id=uuid4(),
            reporter_handle=self.handle,
            reason="other",
            ground=ErasureGround.OTHER,
            erased_at=coarse_now(),
        )
