"""The whole state of a municipality: taken in, and told to every service."""

from dataclasses import dataclass

from common.db import Database
from common.errors import AppError, FieldError, Malformed
from common.messaging import publish
from common.vouching import NotVouched, current_signer
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from gateway import store
from gateway.configuration import MunicipalityState, faults_of, signers_fault


class UnknownMunicipality(AppError):
    """No municipality has this code; it must be configured first."""

    status = 404
    code = "unknown-municipality"
    title = "There is no such municipality here"
    fix = (
        "Deze gemeente is hier niet bekend. Kijk de code na.",
        "This municipality is not known here. Check its code.",
    )


@dataclass(frozen=True)
class Configured:
    """What came of configuring: the version that now holds, and whether anything changed."""

    version: int
    is_changed: bool


async def configure_municipality(database: Database, state: MunicipalityState) -> Configured:
    """Make this the whole state of a municipality and tell every service, if anything changed.

    Idempotent. Raises `Malformed` with everything that is wrong; then nothing is changed.
    """
    faults = faults_of(state)
    if faults:
        raise Malformed("The municipality is not configured.", errors=faults)
    try:
        async with database.tenant(state.code) as connection:
            await store.lock_municipality(connection, state.code)
            stored = await store.read_state(connection, state.code)
            if stored and stored[1] == state:
                return Configured(stored[0], is_changed=False)
            _require_succession(state, stored[1] if stored else None)
            _require_protections_kept(state, stored[1] if stored else None)
            version = stored[0] + 1 if stored else 1
            await store.write_state(connection, state, version)
            await publish(connection, state.as_event(version))
    except IntegrityError as error:
        if "uq_host" not in str(error.orig):
            raise
        raise Malformed(
            "The municipality is not configured.",
            errors=[
                FieldError(
                    "/hosts",
                    "host-taken",
                    "Een van deze hosts is van een andere gemeente.",
                    "One of these hosts belongs to another municipality.",
                )
            ],
        ) from error
    return Configured(version, is_changed=True)


async def republish(database: Database) -> list[str]:
    """Speak the full state of every municipality again; hearers that know it already change nothing."""
    async with database.flowing() as connection:
        codes = [municipality.code for municipality in await store.read_directory(connection)]
    for code in codes:
        async with database.tenant(code) as connection:
            await store.lock_municipality(connection, code)
            stored = await store.read_state(connection, code)
            if stored:
                await publish(connection, stored[1].as_event(stored[0]))
    return codes


async def department_faults(
    connection: AsyncConnection, municipality: str, departments: frozenset[str]
) -> list[FieldError]:
    """What is wrong with these codes of departments; raises `UnknownMunicipality`."""
    stored = await store.read_state(connection, municipality)
    if stored is None:
        raise UnknownMunicipality(f"Configure the municipality '{municipality}' first.")
    unknown = departments - {department.code for department in stored[1].departments}
    return [
        FieldError(
            "/departments",
            "unknown-department",
            f"De afdeling {code} bestaat niet.",
            f"There is no department {code}.",
        )
        for code in sorted(unknown)
    ]


def _require_succession(state: MunicipalityState, stored: MunicipalityState | None) -> None:
    """Refuse signers among whom the one that counts now is not: hearers would refuse them too."""
    if stored is None or not stored.signers:
        return
    try:
        current_signer(state.code, state.signers, stored.signers[-1].public_key)
    except NotVouched as error:
        raise Malformed("The municipality is not configured.", errors=[signers_fault(str(error))]) from error


def _require_protections_kept(state: MunicipalityState, stored: MunicipalityState | None) -> None:
    """Refuse a state without the signed statement once there was one: intake takes that for an attack."""
    if stored is None or stored.protections is None or state.protections is not None:
        return
    fault = FieldError(
        "/protections",
        "protections-gone",
        "Wat al getekend was, ontbreekt. Teken het bestand met `sign-keys`.",
        "What was signed before is missing. Sign the file with `sign-keys`.",
    )
    raise Malformed("The municipality is not configured.", errors=[fault])
