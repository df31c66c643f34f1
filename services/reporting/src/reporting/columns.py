"""The columns of the CSV: machine name, Dutch header, and how the database projects each."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from common.cells import guarded_sql, line
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
    """One column of the CSV; `projection` is SQL over `report_row AS r` with $1 the municipality.

    Made by one of the functions below, which keep a formula out of it.
    """

    name: str
    header: str
    projection: str
    is_text: bool = True


def _typed(name: str, header: str, projection: str) -> Column:
    """A day or a count by its type in SQL: it never comes of text, and stands without quotes."""
    return Column(name, header, projection, is_text=False)


def _code(name: str, header: str, projection: str) -> Column:
    """A code or an id: the table itself refuses any that could begin a formula (ck_report_row_codes)."""
    return Column(name, header, projection)


def _free(name: str, header: str, source: str) -> Column:
    """What somebody wrote; `source` is a column."""
    return Column(name, header, guarded_sql(source))


def _name(name: str, header: str, table: str, code: str, *, is_free: bool = False) -> Column:
    """The name that belongs to a code; an unknown code, or what was written instead, stands for itself.

    The names are gathered and guarded once a query.
    """
    guarded = guarded_sql("n.name")
    names = f"SELECT jsonb_object_agg(n.code, {guarded}) FROM {table} AS n WHERE n.municipality = $1"  # noqa: S608
    return Column(name, header, f"coalesce(({names}) ->> {code}, {guarded_sql(code) if is_free else code})")


def _name_in_house(
    name: str, header: str, names: Mapping[Status, str] | Mapping[Result, str], code: str
) -> Column:
    """The name of a code of our own, from the tables above."""
    literal = json.dumps({str(key): each for key, each in names.items()}).replace("'", "''")
    return Column(name, header, f"'{literal}'::jsonb ->> {code}")


STATUS = "coalesce(r.status, 'new')"
_RESULT = "CASE WHEN r.closed_on IS NOT NULL THEN r.result END"

COLUMNS: tuple[Column, ...] = (
    _code("reportId", "Melding", "r.report_id"),
    _typed("receivedOn", "Ontvangen op", "r.received_on"),
    _code("signalType", "Signaaltype (code)", "r.signal_type"),
    _name("signalTypeName", "Signaaltype", "signal_type", "r.signal_type"),
    _code("urgency", "Urgentie", "r.urgency"),
    _free("neighbourhood", "Buurt", "r.neighbourhood"),
    _code("channel", "Kanaal", "r.channel"),
    _code("reporterKind", "Soort melder", "r.reporter_kind"),
    _code("department", "Afdeling (code)", "r.department"),
    _name("departmentName", "Afdeling", "department", "r.department"),
    _code("status", "Status (code)", STATUS),
    _name_in_house("statusName", "Status", STATUS_NAMES, STATUS),
    _typed("dueOn", "Uiterlijk", "(r.due_at AT TIME ZONE 'Europe/Amsterdam')::date"),
    _typed("takenOn", "Opgepakt op", "r.taken_on"),
    _typed("closedOn", "Afgesloten op", "r.closed_on"),
    _code("result", "Resultaat (code)", _RESULT),
    _name_in_house("resultName", "Resultaat", RESULT_NAMES, f"({_RESULT})"),
    _typed("daysToTake", "Dagen tot oppakken", "greatest(r.taken_on - r.received_on, 0)"),
    _typed("daysToClose", "Dagen tot afsluiten", "greatest(r.closed_on - r.received_on, 0)"),
    _name("neighbourhoodName", "Buurtnaam", "neighbourhood", "r.neighbourhood", is_free=True),
)

BY_NAME: Mapping[str, Column] = {column.name: column for column in COLUMNS}


def projection(names: Sequence[str]) -> str:
    """The select list for these columns, each under its machine name."""
    return ", ".join(f'{BY_NAME[name].projection} AS "{name}"' for name in names)


def text_columns(names: Sequence[str]) -> list[str]:
    """Those of these columns that stand between quotes in every row."""
    return [name for name in names if BY_NAME[name].is_text]


def header_line(names: Sequence[str], headers: str, separator: str) -> str:
    """The first line, with its end: Dutch (`nl`) or machine (`en`) headers."""
    return line([BY_NAME[name].header if headers == "nl" else name for name in names], separator)
