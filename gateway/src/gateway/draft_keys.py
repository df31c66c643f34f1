"""Holds half of the key of each draft in a browser; destroys it on sending, on erasing and after a day.

What a browser wrote to its disk may stay there long after it was deleted. Without this half it is noise.
"""

import asyncio
import secrets
from collections.abc import Callable
from datetime import datetime

from common.db import Database, is_away
from common.errors import NotFound, TooMuch
from common.log import get_logger
from common.sharing import Path, within_wider

from gateway import store
from gateway.domain.draft_keys import DAY, HALF_BYTES, DraftKey, due_at
from gateway.domain.fading import SharedPace
from gateway.domain.kept import Kept
from gateway.domain.pace import Pace, TooFast, address_block
from gateway.settings import GatewaySettings

#: How often `DraftKeys.sweep` is due.
SWEEP_SECONDS = 300
_DESTROY_SECONDS = 2.0  # the answer to a reporter waits no longer for it

log = get_logger()


class NoRoomForDraft(TooMuch):
    """No more halves are held now; the report itself can be sent as ever."""

    code = "no-room-for-draft"
    title = "No draft can be kept now"
    fix = (
        "Wij kunnen nu niets voor u bewaren. Laat de bladzijde open, of verstuur uw melding.",
        "We can keep nothing for you now. Leave the page open, or send your report.",
    )


class DraftKeys:
    """The halves; one for each process, over one table."""

    def __init__(
        self, database: Database, settings: GatewaySettings, *, clock: Callable[[], datetime]
    ) -> None:
        self._database, self._clock = database, clock
        self._is_rewritten = False  # since something was deleted, as far as this process knows
        self._most = settings.draft_keys_most
        self._kept = Kept(self._most, DAY.total_seconds())
        patience = settings.rate_patience_seconds
        self._of_block = Pace(
            settings.draft_key_block_per_minute / 60, settings.draft_key_block_burst, patience
        )
        self._of_municipality = SharedPace(
            settings.draft_key_municipality_per_minute / 60, settings.draft_key_municipality_burst, patience
        )

    async def make(self, municipality: str, own_id: bytes, address: str) -> bytes:
        """A fresh half under this id, held for a day at most.

        Of `address` only the network counts, in memory, while it is busy, and while a half of it is held.
        Raises `NoRoomForDraft`, also to a network that holds as many as it leaves free for the others.
        """
        path, now = _path(municipality, address), self._clock()
        if not self._kept.has_room(path, now.timestamp()):
            raise NoRoomForDraft(headers={"Retry-After": str(SWEEP_SECONDS)})
        await self._keep_pace(path)
        key = DraftKey(own_id, secrets.token_bytes(HALF_BYTES), due_at(now))
        async with self._database.tenant(municipality) as connection:
            is_held = await store.insert_draft_key(connection, municipality, key, now, self._most)
        if not is_held:
            raise NoRoomForDraft(headers={"Retry-After": str(SWEEP_SECONDS)})
        self._kept.add(path, now.timestamp())
        return key.half

    async def find(self, municipality: str, own_id: bytes) -> bytes:
        """The half with this id; `NotFound` when there is none any more, swept or not."""
        async with self._database.tenant(municipality) as connection:
            half = await store.read_draft_key(connection, own_id, self._clock())
        if half is None:
            raise NotFound("This draft cannot be opened any more.")
        return half

    async def destroy(self, municipality: str, own_id: bytes, address: str) -> None:
        """Hold this half no longer. Idempotent. Of `address` only the network is used, as by `make`."""
        try:
            async with self._database.tenant(municipality) as connection:
                was_held = await store.delete_draft_key(connection, own_id)
        finally:
            self._is_rewritten = False
        if was_held:
            self._kept.take(_path(municipality, address), 1, self._clock().timestamp())

    async def destroy_soon(self, municipality: str, own_id: bytes, address: str) -> bool:
        """As `destroy`, beside something that matters more: False when the database is away or slow."""
        try:
            async with asyncio.timeout(_DESTROY_SECONDS):
                await self.destroy(municipality, own_id, address)
        except Exception as error:
            if not isinstance(error, TimeoutError) and not is_away(error):
                raise
            log.warning("draft_key.left", error=type(error).__name__)
            return False
        return True

    async def sweep(self) -> int:
        """Destroy what is past its day; says how many. Of what was deleted the table's file keeps nothing."""
        async with self._database.flowing() as connection:
            count = await store.delete_due_draft_keys(connection, self._clock())
        if count or not self._is_rewritten:
            self._is_rewritten = True  # first: what is deleted meanwhile is for the next round
            try:
                async with self._database.flowing() as connection:
                    if not await store.rewrite_draft_keys(connection):
                        self._is_rewritten = False
            except BaseException:
                self._is_rewritten = False
                raise
        return count

    async def _keep_pace(self, path: Path) -> None:
        now, block = self._clock().timestamp(), path[:2]
        try:
            self._of_block.wait_seconds(block, now)
            delay = self._of_municipality.delay_seconds(path, now)
            delay = max(delay, self._of_block.delay_seconds(block, now))
        except TooFast as error:
            after = str(int(error.retry_after_seconds) + 1)
            raise NoRoomForDraft(headers={"Retry-After": after}) from error
        if delay:
            await asyncio.sleep(delay)


def _path(municipality: str, address: str) -> Path:
    return (municipality, *within_wider(address_block(address)))
