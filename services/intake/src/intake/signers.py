"""Whose word counts for a municipality's keys and protections: the signer pinned, or whom it named."""

from collections.abc import Mapping

from common.contracts.gateway import MunicipalityConfigured, Protections
from common.vouching import (
    NotVouched,
    current_signer,
    pin_statement,
    raise_alarm,
    require_group_key,
    require_protections,
    require_signed,
)
from sqlalchemy.ext.asyncio import AsyncConnection

from intake.settings import OwnKey
from intake.store import signers as store
from intake.store.signers import Pin, Pins


class Signers:
    """Follows the signers of every municipality: the first that counts, then whom it names.

    Pins are rows, each signed with this service's own key for its place after those before: who can write the
    database can put no other signer there, and no older one. They can delete pins; so what was read is
    remembered as long as the process runs, and `anchors` names, outside the database, a signer of each
    municipality from which its chain must follow. Without anchors the first that is heard of is believed.
    """

    def __init__(self, own: OwnKey, anchors: Mapping[str, str] | None = None) -> None:
        self._own = own.signing
        self._anchors = anchors
        self._held: dict[str, tuple[object, ...]] = {}
        self._newest: dict[str, Pin] = {}  # that was read of each municipality
        self._protections: dict[str, Protections] = {}  # that were believed last, likewise

    async def follow(self, connection: AsyncConnection, state: MunicipalityConfigured) -> None:
        """Pin the signer of a state that is about to be kept; raises `NotVouched`, and then pins nothing."""
        code = state.municipality
        newest = self._newest.get(code)  # before the rows: what is added meanwhile is not missed in them
        pins = await store.pins_of(connection, code)
        signer = self._require(state, pins, newest)
        if state.protections is not None:
            require_protections(code, state.protections, signer)
        if not pins or pins[-1].signer != signer:
            await store.add_pin(connection, code, self._pin(code, signer, pins))

    def trusted(
        self, states: Mapping[str, MunicipalityConfigured], pins: Mapping[str, Pins]
    ) -> dict[str, MunicipalityConfigured]:
        """The states as they may be used: what the pinned signer does not vouch for protects nothing less.

        Without keys where these are not vouched for; without text in clear where no signed statement allows
        it; and with the statement believed before where it is gone, or another that is not signed.
        """
        return {code: self._trusted(state, pins.get(code, ())) for code, state in states.items()}

    def _trusted(self, state: MunicipalityConfigured, pins: Pins) -> MunicipalityConfigured:
        code = state.municipality
        looked_at = (state.keys, state.signers, state.protections, pins)
        if self._held.get(code) != looked_at:
            before = self._protections.get(code)
            try:
                signer = self._require(state, pins, self._newest.get(code))
                if not pins:
                    raise NotVouched("no-pin")  # noqa: TRY301 -- refused like the rest, just below
            except NotVouched as error:
                raise_alarm("stored", code, str(error))
                return state.model_copy(update={"keys": (), "protections": before, "text_in_clear": False})
            self._newest[code] = pins[-1]
            try:
                self._require_protected(state, signer, before)
            except NotVouched as error:
                raise_alarm("stored", code, str(error))
                return state.model_copy(update={"protections": before, "text_in_clear": False})
            self._held[code] = looked_at
            if state.protections is not None:
                self._protections[code] = state.protections
        allows = state.protections is not None and not state.forbids_text
        return state if allows else state.model_copy(update={"text_in_clear": False})

    def _require_protected(
        self, state: MunicipalityConfigured, signer: str, before: Protections | None
    ) -> None:
        """Refuse a statement that is not signed, and one that is gone: no municipality takes it back."""
        if state.protections is not None:
            require_protections(state.municipality, state.protections, signer)
        elif before is not None:
            raise NotVouched("protections-gone")

    def _require(self, state: MunicipalityConfigured, pins: Pins, newest: Pin | None) -> str:
        """The signer that vouches for every key of this state."""
        code = state.municipality
        self._require_own(code, pins)
        if newest is not None and newest not in pins:
            raise NotVouched("pin-gone")
        signer = current_signer(code, state.signers, self._start(code, pins))
        if pins and current_signer(code, state.signers, pins[-1].signer) != signer:
            raise NotVouched("other-signer")
        for key in state.keys:
            require_group_key(code, key, signer)
        return signer

    def _start(self, municipality: str, pins: Pins) -> str | None:
        """The signer from which the chain must hold: the anchor where there are any, else the last pin's."""
        if self._anchors is None:
            return pins[-1].signer if pins else None
        if municipality not in self._anchors:
            raise NotVouched("no-anchor")
        return self._anchors[municipality]

    def _require_own(self, municipality: str, pins: Pins) -> None:
        before = ""
        for position, pin in enumerate(pins):
            statement = pin_statement(municipality, pin.signer, position, before)
            require_signed(statement, pin.seal, self._own.public_key, "pin-not-ours")
            before = pin.seal

    def _pin(self, municipality: str, signer: str, before: Pins) -> Pin:
        """The pin of this signer after those."""
        position, seal = len(before), before[-1].seal if before else ""
        return Pin(position, signer, self._own.sign(pin_statement(municipality, signer, position, seal)))
