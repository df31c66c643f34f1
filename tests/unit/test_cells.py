"""Text in a CSV cell: guarded in Python as the rule says, taken back whole, and blind to no sign or mark."""

import csv
import io
import re
import sys
import unicodedata
from pathlib import Path

import pytest
from common import cells
from hypothesis import given
from hypothesis import strategies as st

ROOT = Path(__file__).parents[2]
TEXT = st.text(st.one_of(st.sampled_from("=+-@,;|\"' \t\r\n\u00a0\u200b＝；\u2028ab"), st.characters()))


@pytest.mark.parametrize(
    ("text", "guarded"),
    [
        ("Centrum", "Centrum"),
        ("Zuid-Oost 2", "Zuid-Oost 2"),
        ("Zuid - Oost", "Zuid - Oost"),
        ("Zuid -", "Zuid '-"),
        ("Molenwijk =1+1", "Molenwijk '=1+1"),
        ("Kade 3 -2", "Kade 3 '-2"),
        ("a \u00a0'@b", "a \u00a0''@b"),
        ("x; - 1", "x; '- 1"),
        ("'s-Gravenland", "'s-Gravenland"),
        ("=1+1", "'=1+1"),
        ("x;=cmd", "x;'=cmd"),
        ("x, \u00a0\u200b-1", "x, \u00a0\u200b'-1"),
        ('zegt "@SUM(A1)"', 'zegt "\'@SUM(A1)"'),
        ("'=1", "''=1"),
        ("a\r\n=b\tc", "a  '=b c"),
        ("\n=b", " '=b"),
        ("a｜＝b", "a｜'＝b"),
    ],
)
def test_a_sign_is_guarded_where_a_cell_could_begin(text: str, guarded: str) -> None:
    assert cells.guarded(text) == guarded


@given(TEXT)
def test_the_text_comes_back_but_for_its_control_characters(text: str) -> None:
    kept = "".join(" " if _is_control(each) else each for each in text)
    assert cells.original(cells.guarded(text)) == kept


@given(st.lists(st.one_of(TEXT, st.integers()), min_size=1), st.sampled_from(",;\t"))
def test_a_row_is_one_line_of_as_many_cells(row: list[str | int], separator: str) -> None:
    line = cells.line(row, separator)
    assert line.splitlines() == [line.removesuffix("\r\n")]
    (read,) = csv.reader(io.StringIO(line, newline=""), delimiter=separator, strict=True)
    assert read == [cells.guarded(each) if isinstance(each, str) else str(each) for each in row]


def test_no_character_that_unicode_folds_into_a_sign_or_mark_is_left_out() -> None:
    for wanted, known in (("=+-@\u2212", cells.SIGNS), (',;|"', cells.MARKS)):
        folded = {each for each in _characters() if unicodedata.normalize("NFKC", each)[0] in wanted}
        assert folded <= set(known)


def test_no_blank_and_nothing_invisible_hides_a_sign() -> None:
    blank = [each for each in _characters() if unicodedata.category(each) in ("Zs", "Zl", "Zp", "Cc")]
    marks = {*range(0x200B, 0x2010), 0xAD, 0xFEFF, 0x2060, *range(0x202A, 0x202F), *range(0x2066, 0x206A)}
    for each in (*blank, *map(chr, marks)):
        assert cells.guarded(f"x;{each}=1").endswith("'=1"), hex(ord(each))


def test_only_the_export_copies_csv_out_of_a_database() -> None:
    """Python's writers are refused by the linter; this is the other way to make CSV."""
    copying = re.compile(r"copy_from_(query|table)|FORMAT\s+csv", re.IGNORECASE)
    sources = [
        file for folder in ("libs", "services", "gateway", "deploy") for file in (ROOT / folder).rglob("*.py")
    ]
    found = {file.relative_to(ROOT).as_posix() for file in sources if copying.search(file.read_text("utf-8"))}
    assert found == {"services/reporting/src/reporting/copying.py"}


def _characters() -> list[str]:
    return [chr(code) for code in range(sys.maxunicode + 1) if not 0xD800 <= code < 0xE000]


def _is_control(each: str) -> bool:
    return unicodedata.category(each) == "Cc" or each in "\u2028\u2029"
