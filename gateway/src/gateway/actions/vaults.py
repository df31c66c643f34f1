"""People's own keys, which only their passphrase opens."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from common.db import Database
from common.sealing import WrappedPrivateKey

from gateway import store
from gateway.store import GroupWrap, Vault


async def put_vault(
    database: Database,
    *,
    municipality: str,
    person_id: UUID,
    public_key: str,
    wrapped_private_key: WrappedPrivateKey,
    group_wraps: Sequence[GroupWrap],
) -> None:
    """Make this the whole vault of a person: keys that only their passphrase opens. Idempotent."""
    vault = Vault(public_key, wrapped_private_key, tuple(group_wraps))
    async with database.tenant(municipality) as connection:
        await store.write_vault(connection, municipality, person_id, vault)


async def open_vault(database: Database, municipality: str, person_id: UUID, now: datetime) -> Vault | None:
    """A person's own vault, after it is written down that they fetched it; None when none was made yet."""
    async with database.tenant(municipality) as connection:
        vault = await store.read_vault(connection, person_id)
        if vault:
            key_ids = [wrap.key_id for wrap in vault.groups]
            await store.insert_vault_opening(connection, municipality, person_id, key_ids, now)
    return vault
