"""Vaults, as SQL: keys that only their owner's browser can open."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from common.sealing import WrappedPrivateKey
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.store.rows import one, parsed


@dataclass(frozen=True)
class GroupWrap:
    """The private half of a group key, sealed to one person's public key."""

    group: str
    key_id: str
    wrapped_key: str


@dataclass(frozen=True)
class Vault:
    """What a person's browser needs to open the keys it holds."""

    public_key: str
    wrapped_private_key: WrappedPrivateKey
    groups: tuple[GroupWrap, ...]


async def write_vault(connection: AsyncConnection, municipality: str, person: UUID, vault: Vault) -> None:
    """Make this the whole vault of a person."""
    whose = {"municipality": municipality, "person": person}
    await connection.execute(
        text(
            """
            INSERT INTO person_key VALUES (:municipality, :person, :public_key, CAST(:wrapped AS jsonb))
            ON CONFLICT (municipality, person_id) DO UPDATE SET public_key = excluded.public_key,
                wrapped_private_key = excluded.wrapped_private_key
            """
        ),
        {
            **whose,
            "public_key": vault.public_key,
            "wrapped": vault.wrapped_private_key.model_dump_json(by_alias=True),
        },
    )
    await connection.execute(
        text("DELETE FROM group_key_wrap WHERE municipality = :municipality AND person_id = :person"), whose
    )
    if vault.groups:
        await connection.execute(
            text("INSERT INTO group_key_wrap VALUES (:municipality, :person, :group, :key_id, :wrapped_key)"),
            [{**whose, **vars(wrap)} for wrap in vault.groups],
        )


async def read_vault(connection: AsyncConnection, person: UUID) -> Vault | None:
    """A person's vault, or None when none was made yet."""
    row = await one(
        connection,
        "SELECT public_key, wrapped_private_key FROM person_key WHERE person_id = :person",
        {"person": person},
    )
    if row is None:
        return None
    wraps = await connection.execute(
        text(
            "SELECT key_group, key_id, wrapped_key FROM group_key_wrap WHERE person_id = :person"
            " ORDER BY key_group, key_id"
        ),
        {"person": person},
    )
    return Vault(
        public_key=row["public_key"],
        wrapped_private_key=WrappedPrivateKey.model_validate(parsed(row["wrapped_private_key"])),
        groups=tuple(GroupWrap(wrap[0], wrap[1], wrap[2]) for wrap in wraps),
    )


async def insert_vault_opening(
    connection: AsyncConnection, municipality: str, person: UUID, key_ids: Sequence[str], now: datetime
) -> None:
    """Write down that a person fetched these wrapped keys; never changed or removed."""
    await connection.execute(
        text(
            "INSERT INTO vault_opening (municipality, person_id, key_ids, opened_at)"
            " VALUES (:municipality, :person, :key_ids, :now)"
        ),
        {"municipality": municipality, "person": person, "key_ids": list(key_ids), "now": now},
    )
