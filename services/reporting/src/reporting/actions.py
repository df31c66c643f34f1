"""What a caller may do with the numbers: see them, or take them along as CSV."""

import json
import re
from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass
from datetime import date

from common.auth import Identity
from common.contracts.codes import Role
from common.db import Database
from common.errors import FieldError, Malformed
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from reporting.copying import Exports
from reporting.domain import month_of, months_between
from reporting.filters import ExportRequest, Permitted, read_request
from reporting.statistics import Statistics, read_statistics, today

MAX_MONTHS = 120
_MONTH = re.compile(r"[12]\d{3}-(0[1-9]|1[0-2])", re.ASCII)


@dataclass(frozen=True)
class Download:
    """An export that has begun."""

    file_name: str
    chunks: AsyncIterator[bytes]


async def show_statistics(
    database: Database, caller: Identity, from_month: str | None, to_month: str | None
) -> Statistics:
    """Counts per month and signal type; by default the last twelve months. Restricted types only for a
    process manager."""
    caller.require(Role.HANDLER, Role.PROCESS_MANAGER, Role.ADMINISTRATOR)
    given_first, given_last = _months(from_month, to_month)
    async with database.tenant(caller.municipality) as connection:
        last = given_last or max(month_of(await today(connection)), given_first or date.min)
        first = given_first or _year_before(last)
        if first > last or len(months_between(first, last)) > MAX_MONTHS:
            raise Malformed(errors=[_period_error()])
        return await read_statistics(
            connection,
            caller.municipality,
            first,
            last,
            restricted=Role.PROCESS_MANAGER in caller.roles,
        )


async def start_export(
    database: Database,
    exports: Exports,
    caller: Identity,
    given: Iterable[tuple[str, str]],
    header_purpose: str | None,
) -> Download:
    """Record who exports what and why, commit that, and only then begin to read.

    Raises `Malformed` with every bad filter, `Unavailable` when no export place is left for the caller.
    """
    caller.require(Role.PROCESS_MANAGER, Role.EXPORT)
    async with database.tenant(caller.municipality) as connection:
        request = read_request(
            given,
            await _permitted(connection, caller.municipality),
            header_purpose=header_purpose,
            needs_purpose=caller.key_name is not None or Role.PROCESS_MANAGER not in caller.roles,
        )
        await _record(connection, caller, request)
    chunks = await exports.start(caller, request)
    return Download(_file_name(caller.municipality, request), chunks)


def _months(*texts: str | None) -> tuple[date | None, date | None]:
    errors = [
        FieldError(f"query:{name}", "not-a-month", "Toegestaan: JJJJ-MM.", "Permitted: YYYY-MM.")
        for name, given in zip(("from", "to"), texts, strict=True)
        if given is not None and not _MONTH.fullmatch(given)
    ]
    if errors:
        raise Malformed("The period is not valid.", errors=errors)
    first, last = (date.fromisoformat(f"{given}-01") if given else None for given in texts)
    return first, last


def _year_before(last: date) -> date:
    return date(last.year, 1, 1) if last.month == 12 else date(last.year - 1, last.month + 1, 1)


def _period_error() -> FieldError:
    return FieldError(
        "query:from",
        "period",
        f"'from' ligt niet na 'to', en de periode is ten hoogste {MAX_MONTHS} maanden.",
        f"'from' is not after 'to', and the period is at most {MAX_MONTHS} months.",
    )


async def _permitted(connection: AsyncConnection, municipality: str) -> Permitted:
    arguments = {"municipality": municipality}
    types = await connection.execute(
        text("SELECT code FROM signal_type WHERE municipality = :municipality AND NOT is_restricted"),
        arguments,
    )
    departments = await connection.execute(
        text("SELECT code FROM department WHERE municipality = :municipality"), arguments
    )
    return Permitted(frozenset(types.scalars()), frozenset(departments.scalars()))


async def _record(connection: AsyncConnection, caller: Identity, request: ExportRequest) -> None:
    await connection.execute(
        text(
            """INSERT INTO export_audit (municipality, person, key_name, purpose, filters)
               VALUES (:municipality, :person, :key_name, :purpose, CAST(:filters AS jsonb))"""
        ),
        {
            "municipality": caller.municipality,
            "person": caller.person,
            "key_name": caller.key_name,
            "purpose": request.purpose,
            "filters": json.dumps(request.as_filters()),
        },
    )


def _file_name(municipality: str, request: ExportRequest) -> str:
    parts = ["meldingen", municipality]
    if request.received_from:
        parts.append(f"vanaf-{request.received_from}")
    if request.received_to:
        parts.append(f"tot-en-met-{request.received_to}")
    return "-".join(parts) + ".csv"
