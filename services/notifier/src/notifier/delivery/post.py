"""The post: takes due deliveries, brings them to the mail server, and writes how it went."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from email.message import EmailMessage

import aiosmtplib
from common import metrics
from common.coarse import coarse
from common.contracts.notifier import DeliveryFailed, FeedbackSent
from common.db import AWAY_KINDS, Database, is_away, outlast
from common.log import get_logger
from common.mail_address import is_mail_address
from common.messaging import publish
from common.messaging.broker import keep_trying
from common.pauses import pause
from common.sealing import Context, decode, open_text
from sqlalchemy import RowMapping

from notifier import domain, store
from notifier.delivery.mail import Letter, compose, notice_letter, work_letter
from notifier.domain import Outcome, language_of
from notifier.settings import NotifierSettings

log = get_logger()

_PERMANENT = 500
_Tried = tuple[RowMapping, "Attempt"]


@dataclass(frozen=True)
class Attempt:
    """How one attempt went; `error` is a class of error, never what a server said of an address."""

    outcome: Outcome
    error: str | None = None


class Told:
    """Who had their mail in this round: a mail says that there is news, which holds for all of theirs.

    So whoever leaves another's address with many reports sends them one mail a round.
    """

    def __init__(self) -> None:
        self._whom: set[tuple[str, str]] = set()

    def holds(self, delivery: RowMapping, address: str) -> bool:
        """Whether a reporter at this address heard from this municipality already."""
        return delivery["department"] is None and self._key(delivery, address) in self._whom

    def add(self, delivery: RowMapping, address: str) -> None:
        """Somebody heard."""
        self._whom.add(self._key(delivery, address))

    @staticmethod
    def _key(delivery: RowMapping, address: str) -> tuple[str, str]:
        return delivery["municipality"], address.casefold()


class Post:
    """Brings mail until told to stop; several replicas share the work and none sends what another holds.

    A mail leaves twice only when its sender dies between the server's answer and the commit that notes it,
    for all mails that it took at a time. It has the same Message-ID then: its receiver can drop the repeat.
    Of a round an address gets one mail, however many reports named it.
    """

    name = "post"

    def __init__(self, database: Database, settings: NotifierSettings) -> None:
        self._database = database
        self._settings = settings
        self._private_key = decode(settings.notifier_private_key.get_secret_value())
        self._tls = None if settings.smtp_security == "none" else settings.tls.outside()

    @property
    def trouble(self) -> str | None:
        """A mail server that is away keeps nobody else from working."""
        return None

    async def run(self, stopping: asyncio.Event) -> None:
        """Work until told to stop; an outage of the database is waited out."""
        await keep_trying(lambda: self._work(stopping), stopping, what=self.name)

    async def _work(self, stopping: asyncio.Event) -> None:
        while not stopping.is_set():
            if not await self.deliver_due():
                await pause(stopping, self._settings.delivery_poll_seconds)

    async def deliver_due(self) -> int:
        """One round: claim what is due, try each once, write the outcomes. Returns how many were tried."""
        async with self._database.flowing() as connection:
            claimed = await store.claim_deliveries(
                connection, self._settings.delivery_batch, self._settings.delivery_lease_seconds
            )
            if claimed:
                await store.forget_rounds(connection)
        if claimed:
            await self._bring(claimed)
        return len(claimed)

    async def _bring(self, deliveries: Sequence[RowMapping]) -> None:
        server = self._server()
        try:
            await server.connect()
        except (aiosmtplib.SMTPException, OSError) as error:
            log.warning("post.server_away", error=type(error).__name__)
            away = Attempt(Outcome.AWAY, type(error).__name__)
            await self._end([(delivery, away) for delivery in deliveries])
            return
        tried: list[_Tried] = []
        try:
            await self._try_each(server, deliveries, tried)
        finally:
            server.close()
            await self._end(tried)

    async def _try_each(
        self,
        server: aiosmtplib.SMTP,
        deliveries: Sequence[RowMapping],
        tried: list[_Tried],
    ) -> None:
        """Try each once, and hold all of them together when that takes long."""
        lease, loop = self._settings.delivery_lease_seconds, asyncio.get_running_loop()
        held_at, told = loop.time(), Told()
        for delivery in deliveries:
            if loop.time() - held_at > lease / 3:
                async with self._database.flowing() as connection:
                    await store.keep_claims(connection, deliveries, lease)
                held_at = loop.time()
            attempt = await self._try_if_ours(server, delivery, told)
            if attempt is not None:
                tried.append((delivery, attempt))

    async def _try_if_ours(self, server: aiosmtplib.SMTP, delivery: RowMapping, told: Told) -> Attempt | None:
        """One attempt, unless others in its batch took so long that another has it, or it was erased.

        Whoever erases it meanwhile waits for its end, so that no mail leaves once that is confirmed.
        """
        attempt = None
        try:
            async with self._database.flowing() as connection:
                if await store.hold_claim(connection, delivery):
                    attempt = await self._try(server, delivery, told)
        except AWAY_KINDS as error:
            if attempt is None or not is_away(error):
                raise
            log.warning("post.hold_lost", error=type(error).__name__)  # how it went is still to be written
        return attempt

    def _server(self) -> aiosmtplib.SMTP:
        chosen = self._settings
        password = chosen.smtp_password
        return aiosmtplib.SMTP(
            hostname=chosen.smtp_host,
            port=chosen.smtp_port,
            username=chosen.smtp_user,
            password=password.get_secret_value() if password else None,
            use_tls=chosen.smtp_security == "tls",
            start_tls=chosen.smtp_security == "starttls",  # asked for, never optional
            tls_context=self._tls,  # the server must prove its name
            timeout=chosen.smtp_seconds,
        )

    async def _try(self, server: aiosmtplib.SMTP, delivery: RowMapping, told: Told) -> Attempt:
        """One attempt; whatever goes wrong with this message is its own outcome and stops no other."""
        if delivery["attempts"] > len(self._settings.delivery_retry_seconds) + 1:
            return Attempt(Outcome.REFUSED, "ended-the-process")  # no earlier try lived to say how it went
        try:
            address, letter = self._address(delivery), self._letter(delivery)
            message = compose(
                letter,
                address=address,
                sender=self._settings.sender,
                message_id=delivery["message_id"],
                at=datetime.now(UTC),
            )
        except Exception as error:  # noqa: BLE001 -- the mail library raises anything at a strange address
            return Attempt(Outcome.REFUSED, f"address-{type(error).__name__}")
        if told.holds(delivery, address):
            return Attempt(Outcome.SENT)
        attempt = await self._sent(server, message)
        if attempt.outcome is Outcome.SENT:
            told.add(delivery, address)
        return attempt

    async def _sent(self, server: aiosmtplib.SMTP, message: EmailMessage) -> Attempt:
        try:
            if not server.is_connected:
                await server.connect()
            await server.send_message(message)
        except aiosmtplib.SMTPRecipientsRefused as error:
            return _refusal(error.recipients[0].code)
        except aiosmtplib.SMTPResponseException as error:
            return _refusal(error.code)
        except (aiosmtplib.SMTPException, OSError) as error:
            server.close()
            return Attempt(Outcome.DEFERRED, type(error).__name__)
        except Exception as error:  # noqa: BLE001 -- of this message only; the conversation begins anew
            server.close()
            return Attempt(Outcome.REFUSED, f"message-{type(error).__name__}")
        return Attempt(Outcome.SENT)

    def _address(self, delivery: RowMapping) -> str:
        address = self._kept_address(delivery)
        if not is_mail_address(address):  # a list of several, or words of somebody before it
            raise ValueError("this is no plain address")
        return address

    def _kept_address(self, delivery: RowMapping) -> str:
        if delivery["department"] is not None:
            if not delivery["department_mail"]:
                raise ValueError("the department has no address any more")
            return str(delivery["department_mail"])
        if not delivery["sealed_address"]:
            raise ValueError("the reporter has no mailbox any more")
        context = Context(delivery["municipality"], "address", str(delivery["reporter_handle"]), "notifier")
        return open_text(decode(delivery["sealed_address"]), self._private_key, context)

    def _letter(self, delivery: RowMapping) -> Letter:
        municipality = delivery["municipality"]
        url = self._settings.public_url.rstrip("/")
        if delivery["department"] is not None:
            return work_letter(delivery["urgency"], delivery["count"], municipality, url)
        return notice_letter(language_of(delivery["language"]), municipality, self._name(delivery), url)

    def _name(self, delivery: RowMapping) -> str | None:
        if delivery["display_name"] is None:
            return None  # its mailbox was heard of before its municipality
        name = domain.name_in_mail(delivery["municipality"], delivery["display_name"])
        if name is None:
            metrics.NAMES_WITHHELD.inc()
            log.warning("post.name_withheld", municipality=delivery["municipality"])
        return name

    async def _end(self, tried: Sequence[_Tried]) -> None:
        """Write how these attempts ended, as long as their claims last: what has left must not leave again
        because the database was away for a moment.

        All at once, in the order of their ids: written one by one, the rows would tell in which order their
        mails left, and a mail server's log says whose those were.
        """
        in_order = sorted(tried, key=lambda each: each[0]["id"])
        await outlast(lambda: self._write(in_order), self._settings.delivery_lease_seconds)
        for _, attempt in tried:
            metrics.DELIVERIES.labels("mail", attempt.outcome.value).inc()

    async def _write(self, tried: Sequence[_Tried]) -> None:
        now = datetime.now(UTC)
        async with self._database.flowing() as connection:
            for delivery, attempt in tried:
                following = domain.after_attempt(
                    attempt.outcome, delivery["attempts"], self._settings.delivery_retry_seconds, now
                )
                written = await store.end_attempt(connection, delivery, following, attempt.error)
                if written and following.ended_at and delivery["reporter_handle"] is not None:
                    await publish(connection, _told(delivery, following.state, now))


def _told(delivery: RowMapping, state: str, now: datetime) -> FeedbackSent | DeliveryFailed:
    about = {
        "municipality": delivery["municipality"],
        "reporter_handle": delivery["reporter_handle"],
        "template": delivery["template"],
        "channel": "mail",
        "attempt": delivery["attempts"],
    }
    if state == "sent":
        return FeedbackSent(**about, sent_at=coarse(now))
    return DeliveryFailed(**about, failed_at=coarse(now))


def _refusal(code: int) -> Attempt:
    outcome = Outcome.REFUSED if code >= _PERMANENT else Outcome.DEFERRED
    return Attempt(outcome, f"smtp-{code}")
