"""The signers that were pinned, as SQL; rows are added and never changed."""

from dataclasses import dataclass

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

_PINS = text(
    """
    SELECT municipality, position, signer, seal FROM signer_pin
    WHERE CAST(:municipality AS text) IS NULL OR municipality = :municipality
    ORDER BY municipality, position
    """
)
_ADD = text(
    """
    INSERT INTO signer_pin (municipality, position, signer, seal)
    VALUES (:municipality, :position, :signer, :seal)
    """
)


@dataclass(frozen=True)
class Pin:
    """A signer, with this service's own signature for having pinned it at this place."""

    position: int  # of the first: 0
    signer: str
    seal: str


Pins = tuple[Pin, ...]  # of one municipality, oldest first


async def pins_of(connection: AsyncConnection, municipality: str) -> Pins:
    """The pins of a municipality."""
    return (await _read(connection, municipality)).get(municipality, ())


async def pins(connection: AsyncConnection) -> dict[str, Pins]:
    """The pins of each municipality that has any."""
    return await _read(connection, None)


async def add_pin(connection: AsyncConnection, municipality: str, pin: Pin) -> None:
    """Pin this signer from now on."""
    values = {"position": pin.position, "signer": pin.signer, "seal": pin.seal}
    await connection.execute(_ADD, {"municipality": municipality, **values})


async def _read(connection: AsyncConnection, municipality: str | None) -> dict[str, Pins]:
    found: dict[str, Pins] = {}
    for row in await connection.execute(_PINS, {"municipality": municipality}):
        pin = Pin(row.position, row.signer, row.seal)
        found[row.municipality] = (*found.get(row.municipality, ()), pin)
    return found
