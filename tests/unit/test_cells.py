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
        ("a\U0001f102=b", "a\U0001f102'=b"),
        ("a؛=b،-c", "a؛'=b،'-c"),
        ("a \u0600=b", "a \u0600'=b"),
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
    """Of a fold of several characters (`🄂`, which is `1,`) the last decides what a cell begins with."""
    for at, wanted, known in ((0, "=+-@\u2212", cells.SIGNS), (-1, ',;|"', cells.MARKS)):
        folded = {each for each in _characters() if unicodedata.normalize("NFKC", each)[at] in wanted}
        assert folded <= set(known)


def test_no_blank_and_nothing_invisible_hides_a_sign() -> None:
    """By the categories of Unicode, and what of others is not shown (Default_Ignorable_Code_Point)."""
    blank = {each for each in _characters() if unicodedata.category(each) in ("Zs", "Zl", "Zp", "Cc", "Cf")}
    unseen = {0x34F, 0x115F, 0x1160, 0x17B4, 0x17B5, 0x2065, 0x3164, 0xFFA0, *range(0x180B, 0x1810)}
    unseen |= {*range(0xFE00, 0xFE10), *range(0xFFF0, 0xFFF9), *range(0xE0000, 0xE1000)}
    for each in (*blank, *map(chr, unseen)):
        assert cells.guarded(f"x;{each}=1").endswith("'=1"), hex(ord(each))
        assert cells.guarded(f"x{each}=1").endswith("'=1"), hex(ord(each))


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
