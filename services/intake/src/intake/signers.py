"""Whose word counts for a municipality's keys: the signer that was pinned, and who it passed on to."""

from collections.abc import Mapping

from common.contracts.gateway import MunicipalityConfigured
from common.vouching import (
    NotVouched,
    current_signer,
    pin_statement,
    raise_alarm,
    require_group_key,
    require_signed,
)
from sqlalchemy.ext.asyncio import AsyncConnection

from intake.settings import OwnKey
from intake.store import signers as store
from intake.store.signers import Pin


class Signers:
    """Follows the signers of every municipality: the first that is heard of counts, then whom it names.

    A pin is a row that nobody can change, signed with this service's own key: who can write the database
    cannot put another signer there.
    """

    def __init__(self, own: OwnKey) -> None:
        self._own = own.signing
        self._held: dict[str, tuple[object, ...]] = {}

    async def follow(self, connection: AsyncConnection, state: MunicipalityConfigured) -> None:
        """Pin the signer of a state that is about to be kept; raises `NotVouched`, and then pins nothing."""
        pin = await store.pin_of(connection, state.municipality)
        signer = self._require(state, pin)
        if pin is None or pin.signer != signer:
            seal = self._own.sign(pin_statement(state.municipality, signer))
            await store.add_pin(connection, state.municipality, Pin(signer, seal))

    def trusted(
        self, states: Mapping[str, MunicipalityConfigured], pins: Mapping[str, Pin]
    ) -> dict[str, MunicipalityConfigured]:
        """The states as they may be used: without keys where the pinned signer does not vouch for them."""
        return {code: self._trusted(state, pins.get(code)) for code, state in states.items()}

    def _trusted(self, state: MunicipalityConfigured, pin: Pin | None) -> MunicipalityConfigured:
        looked_at = (state.keys, state.signers, pin)
        if self._held.get(state.municipality) == looked_at:
            return state
        if pin is None:
            return self._without_keys(state, "no-pin")
        try:
            self._require(state, pin)
        except NotVouched as error:
            return self._without_keys(state, str(error))
        self._held[state.municipality] = looked_at
        return state

    def _without_keys(self, state: MunicipalityConfigured, reason: str) -> MunicipalityConfigured:
        raise_alarm("stored", state.municipality, reason)
        return state.model_copy(update={"keys": ()})

    def _require(self, state: MunicipalityConfigured, pin: Pin | None) -> str:
        """The signer that vouches for every key of this state."""
        if pin is not None:
            statement = pin_statement(state.municipality, pin.signer)
            require_signed(statement, pin.seal, self._own.public_key, "pin-not-ours")
        signer = current_signer(state.municipality, state.signers, pin.signer if pin else None)
        for key in state.keys:
            require_group_key(state.municipality, key, signer)
        return signer
