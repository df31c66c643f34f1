"""The columns of the CSV: machine name, Dutch header, and how the database projects each."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from common.contracts.codes import Result, Status

STATUS_NAMES: Mapping[Status, str] = {
    Status.NEW: "Nieuw",
    Status.ASSESSING: "In beoordeling",
    Status.IN_PROGRESS: "In behandeling",
    Status.WAITING_FOR_REPORTER: "Wacht op melder",
    Status.WAITING_FOR_PARTNER: "Wacht op partner",
    Status.CLOSED: "Afgesloten",
    Status.REOPENED: "Heropend",
}

RESULT_NAMES: Mapping[Result, str] = {
    Result.NOT_UNDERMINING: "Geen ondermijning",
    Result.TOO_LITTLE_INFORMATION: "Te weinig informatie",
    Result.DUPLICATE: "Dubbele melding",
    Result.NOT_MUNICIPAL: "Geen taak van de gemeente",
    Result.RECORDED: "Vastgelegd",
    Result.SUPERVISION: "Toezicht of controle",
    Result.ADMINISTRATIVE_MEASURE: "Bestuurlijke maatregel",
    Result.TO_POLICE: "Naar de politie",
    Result.TO_RIEC: "Naar het RIEC",
    Result.TO_PARTNER: "Naar een ketenpartner",
    Result.CARE: "Naar zorg of hulp",
    Result.INCORRECT: "Melding klopt niet",
}


@dataclass(frozen=True)
class Column:
    """One column of the CSV; `projection` is SQL over `report_row AS r` with $1 the municipality."""

    name: str
    header: str
    projection: str


def _names_in(table: str, code: str) -> str:
    """Names by code, gathered once a query and made safe there; an unknown code stands for itself."""
    names = f"SELECT jsonb_object_agg(n.code, csv_cell(n.name)) FROM {table} AS n WHERE n.municipality = $1"  # noqa: S608
    return f"coalesce(({names}) ->> {code}, {code})"


def _names_of(names: Mapping[Status, str] | Mapping[Result, str], code: str) -> str:
    literal = json.dumps({str(key): name for key, name in names.items()}).replace("'", "''")
    return f"'{literal}'::jsonb ->> {code}"


STATUS = "coalesce(r.status, 'new')"
_RESULT = "CASE WHEN r.closed_on IS NOT NULL THEN r.result END"

COLUMNS: tuple[Column, ...] = (
    Column("reportId", "Melding", "r.report_id"),
    Column("receivedOn", "Ontvangen op", "r.received_on"),
    Column("signalType", "Signaaltype (code)", "r.signal_type"),
    Column("signalTypeName", "Signaaltype", _names_in("signal_type", "r.signal_type")),
    Column("urgency", "Urgentie", "r.urgency"),
    Column("neighbourhood", "Buurt", "csv_cell(r.neighbourhood)"),
    Column("channel", "Kanaal", "r.channel"),
    Column("reporterKind", "Soort melder", "r.reporter_kind"),
    Column("department", "Afdeling (code)", "r.department"),
    Column("departmentName", "Afdeling", _names_in("department", "r.department")),
    Column("status", "Status (code)", STATUS),
    Column("statusName", "Status", _names_of(STATUS_NAMES, STATUS)),
    Column("dueAt", "Uiterlijk", "r.due_at"),
    Column("takenOn", "Opgepakt op", "r.taken_on"),
    Column("closedOn", "Afgesloten op", "r.closed_on"),
    Column("result", "Resultaat (code)", _RESULT),
    Column("resultName", "Resultaat", _names_of(RESULT_NAMES, f"({_RESULT})")),
    Column("daysToTake", "Dagen tot oppakken", "greatest(r.taken_on - r.received_on, 0)"),
    Column("daysToClose", "Dagen tot afsluiten", "greatest(r.closed_on - r.received_on, 0)"),
    Column("neighbourhoodName", "Buurtnaam", _names_in("neighbourhood", "csv_cell(r.neighbourhood)")),
)

BY_NAME: Mapping[str, Column] = {column.name: column for column in COLUMNS}


def projection(names: Sequence[str], headers: str) -> str:
    """The select list for these columns under Dutch (`nl`) or machine (`en`) headers."""
    columns = [BY_NAME[name] for name in names]
    return ", ".join(
        f'{column.projection} AS "{column.header if headers == "nl" else column.name}"' for column in columns
    )
