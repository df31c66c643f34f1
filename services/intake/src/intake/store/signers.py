"""The signers that were pinned, as SQL; rows are added and never changed."""

from dataclasses import dataclass

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

_LATEST = """
    SELECT DISTINCT ON (municipality) municipality, signer, seal FROM signer_pin
    WHERE CAST(:municipality AS text) IS NULL OR municipality = :municipality
    ORDER BY municipality, position DESC
"""


@dataclass(frozen=True)
class Pin:
    """A signer, with this service's own signature for having pinned it."""

    signer: str
    seal: str


async def pin_of(connection: AsyncConnection, municipality: str) -> Pin | None:
    """The newest pin of a municipality."""
    return (await _latest(connection, municipality)).get(municipality)


async def pins(connection: AsyncConnection) -> dict[str, Pin]:
    """The newest pin of each municipality."""
    return await _latest(connection, None)


async def add_pin(connection: AsyncConnection, municipality: str, pin: Pin) -> None:
    """Pin this signer from now on."""
    await connection.execute(
        text(
            """INSERT INTO signer_pin (municipality, position, signer, seal)
               SELECT :municipality, count(*), :signer, :seal FROM signer_pin
               WHERE municipality = :municipality"""
        ),
        {"municipality": municipality, "signer": pin.signer, "seal": pin.seal},
    )


async def _latest(connection: AsyncConnection, municipality: str | None) -> dict[str, Pin]:
    rows = await connection.execute(text(_LATEST), {"municipality": municipality})
    return {row.municipality: Pin(row.signer, row.seal) for row in rows}
