"""Which forms each municipality offers: adopted from the seed, edited by itself, and kept in memory."""

from collections.abc import Iterable, Mapping

from common.coarse import coarse_now
from common.contracts.gateway import MunicipalityConfigured
from common.contracts.intake import FormsConfigured, SignalTypeState
from common.db import Database
from common.log import get_logger
from common.messaging import publish
from sqlalchemy.ext.asyncio import AsyncConnection

from intake import store
from intake.documents import Document, assembled_from, digest_of, document_of, parts_of
from intake.domain import FormSet, restricting
from intake.signers import Signers
from intake.store import forms
from intake.store.forms import AuditRow, PartVersion
from intake.store.signers import pins

log = get_logger()

Offered = dict[str, tuple[MunicipalityConfigured, FormSet]]


class Offers:
    """Reads what every municipality offers; forms that did not change are not read again."""

    def __init__(self, seed: FormSet, signers: Signers) -> None:
        self._seed = seed
        self._signers = signers
        self._known: dict[str, FormSet] = {}

    async def adopt(self, database: Database) -> None:
        """Let every municipality follow the newest seed, each in a transaction of its own."""
        async with database.flowing() as connection:
            behind = await forms.behind(connection, self._seed.seed_version)
        for municipality in behind:
            async with database.flowing() as connection:
                adopted = await adopt_seed(connection, municipality, self._seed)
                await publish(connection, forms_configured(municipality, adopted))
            log.info("forms.adopted", municipality=municipality, version=adopted.version)

    async def read(self, connection: AsyncConnection) -> Offered:
        """Every municipality's state and forms, as they may be used (`Signers.trusted`).

        What the signed statement names is restricted whatever the forms say; without one, what the seed says.
        """
        states = await store.municipalities(connection)
        trusted = self._signers.trusted(
            {code: state for code, (state, _) in states.items()}, await pins(connection)
        )
        changed = [
            code
            for code, (_, version) in states.items()
            if code not in self._known or self._known[code].version != version
        ]
        if changed:
            found = _documents_of(await forms.current_parts(connection, changed))
            for code in changed:
                self._known[code] = self._forms_of(found.get(code), states[code][1])
        return {code: (state, self._protected(self._known[code], state)) for code, state in trusted.items()}

    def _protected(self, known: FormSet, state: MunicipalityConfigured) -> FormSet:
        named = state.protections.restricted_types if state.protections else None
        if named is None:
            named = tuple(kind.code for kind in self._seed.signal_types.values() if kind.is_restricted)
        return restricting(known, named)

    def _forms_of(self, documents: Mapping[str, Document] | None, version: int) -> FormSet:
        """The seed serves who has not adopted it yet: an older process may have let the municipality in."""
        return assembled_from(version, documents or parts_of(self._seed))


async def adopt_seed(connection: AsyncConnection, municipality: str, seed: FormSet) -> FormSet:
    """Give a municipality what is new in the seed and leave its own edits; returns its forms.

    Idempotent. A seed that is older than the one adopted last changes nothing, so that old and new
    processes can run side by side. Parts that a seed no longer has stay as they are.
    """
    state = await forms.lock_state(connection, municipality)
    current = {each.code: each for each in await forms.current_parts(connection, [municipality])}
    if state.seed_version >= seed.seed_version:
        documents = _documents_of(current.values())
        return assembled_from(state.version, documents[municipality])
    now = coarse_now()
    version = state.version + 1 if current else state.version
    fresh = [
        PartVersion(
            municipality=municipality,
            code=code,
            version=version,
            origin="seed",
            document=document.model_dump(mode="json", by_alias=True),
            digest=digest_of(document),
            seed_digest=digest_of(document),
            published_by=None,
            published_at=now,
        )
        for code, document in parts_of(seed).items()
        if _follows(current.get(code), digest_of(document))
    ]
    await forms.insert_parts(connection, fresh)
    version = version if fresh else state.version
    await forms.advance(connection, municipality, version, seed.seed_version)
    for each in fresh:
        row = AuditRow(each.code, "seed-adopted", version, None, now)
        await forms.audit(connection, municipality, row)
    parts = _documents_of([*current.values(), *fresh])
    return assembled_from(version, parts[municipality])


def forms_configured(municipality: str, offered: FormSet) -> FormsConfigured:
    """The full state of these forms, as others hear it."""
    return FormsConfigured(
        municipality=municipality,
        version=offered.version,
        signal_types=tuple(
            SignalTypeState(
                code=each.code,
                name=each.name,
                is_active=each.is_active,
                is_restricted=each.is_restricted,
                department=each.department,
                readers=each.readers,
                partners=each.partners,
            )
            for each in offered.signal_types.values()
        ),
    )


def _follows(current: PartVersion | None, digest: bytes) -> bool:
    return current is None or (current.origin == "seed" and current.digest != digest)


def _documents_of(parts: Iterable[PartVersion]) -> dict[str, dict[str, Document]]:
    """Documents by municipality and code; of two versions the last one given counts."""
    found: dict[str, dict[str, Document]] = {}
    for each in parts:
        found.setdefault(each.municipality, {})[each.code] = document_of(each.code, each.document)
    return found
