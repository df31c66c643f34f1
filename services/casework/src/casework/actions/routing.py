"""The municipality's routing rules: shown to all who work, changed by the process manager."""

from collections.abc import Sequence
from typing import Any

from common.auth import Identity
from common.contracts.codes import Role
from common.contracts.gateway import MunicipalityConfigured
from common.db import Database
from common.errors import FieldError, Malformed, NotSignedIn, Unavailable
from sqlalchemy.ext.asyncio import AsyncConnection

from casework import domain
from casework.actions.base import StaleVersion, require_staff
from casework.domain import Rule
from casework.store import changes, reports
from casework.store.rules import rules_json, rules_of
from casework.store.states import forms_of, town_of


async def show_rules(database: Database, identity: Identity) -> dict[str, Any]:
    """The rules that hold now: the municipality's own, or those that its signal types propose (version 0)."""
    require_staff(identity)
    async with database.tenant(identity.municipality) as connection:
        town = await _town(connection)
        own = await reports.read_rules(connection)
        rules = rules_of(own["rules"]) if own else await _proposed(connection, town)
    return {
        "version": own["version"] if own else 0,
        "rules": rules_json(rules),
        "catchAllDepartment": town.catch_all_department,
    }


async def change_rules(
    database: Database, identity: Identity, version: int, rules: Sequence[Rule]
) -> dict[str, Any]:
    """Replace the rules if they still have this version; they count for reports from now on."""
    identity.require(Role.PROCESS_MANAGER)
    if identity.person is None:
        raise NotSignedIn("Rules are changed by people who signed in, not by API keys.")
    async with database.tenant(identity.municipality) as connection:
        town = await _town(connection)
        faults = domain.rule_faults(rules, frozenset(each.code for each in town.departments))
        if faults:
            errors = [FieldError(each.pointer, each.code, each.dutch, each.english) for each in faults]
            raise Malformed("The rules are not valid; nothing was changed.", errors=errors)
        own = await reports.read_rules(connection)
        known = own["version"] if own else 0
        if version != known or not await changes.add_rules(
            connection, identity.municipality, version + 1, rules_json(rules), identity.person
        ):
            raise StaleVersion(f"The rules have version {known} now.")
    return await show_rules(database, identity)


async def _town(connection: AsyncConnection) -> MunicipalityConfigured:
    state = await reports.read_state(connection, "municipality_state")
    if state is None:
        raise Unavailable("The municipality is not configured yet.")
    return town_of(state)


async def _proposed(connection: AsyncConnection, town: MunicipalityConfigured) -> tuple[Rule, ...]:
    state = await reports.read_state(connection, "forms_state")
    kinds = forms_of(state).signal_types if state else ()
    return domain.default_rules(
        {kind.code: kind.department for kind in kinds}, frozenset(each.code for each in town.departments)
    )
