r"""Text in a CSV: no cell that a spreadsheet takes for a formula, however it takes the file apart.

A spreadsheet of another country splits a file at other marks than the one it was written with, and then the
middle of a cell is the beginning of one (OWASP, CSV injection). So a `'` goes before every sign that begins
a formula, at the beginning of the text and after every mark at which some program splits. The signs and marks
are those of ASCII and all that Unicode folds into them (NFKC), for a program may fold before it looks. A
blank is such a mark too, but a sign between two of them would be a cell of its own, which is no formula.

The same rule stands in Python, for files that are written row by row, and in SQL, for what PostgreSQL copies.
"""

import re
from collections.abc import Iterable

#: A formula begins with one of these.
SIGNS = "=+@−⁺⁻⁼₊₋₌⩵⩶﬩﹢﹣﹦﹫＋－＝＠-"
#: A program may end a cell at one of these; the tab and line breaks are spaces by then. The commas of digits
#: are `0,` to `9,`; Persian Windows splits at `؛`.
MARKS = ',;|"，；｜＂\u037e︐︑︔﹐﹑﹔،؛🄁🄂🄃🄄🄅🄆🄇🄈🄉🄊'
# Blank or invisible: it may stand before a sign, and a program may drop it. All of Unicode's Zs, Cf and
# Default_Ignorable_Code_Point; a test counts them.
_BLANK = (
    r" \u00a0\u00ad\u034f\u0600-\u0605\u061c\u06dd\u070f\u0890\u0891\u08e2\u115f\u1160\u1680\u17b4\u17b5"
    r"\u180b-\u180f\u2000-\u200f\u202a-\u202f\u205f-\u206f\u2800\u3000\u3164\ufe00-\ufe0f\ufeff\uffa0"
    r"\ufff0-\ufffb\U000110bd\U000110cd\U00013430-\U0001345f\U0001bca0-\U0001bca3\U0001d173-\U0001d17a"
    r"\U000e0000-\U000e0fff"
)
# Tabs, line breaks of every kind and the other control characters.
_CONTROLS = r"\u0000-\u001f\u007f-\u009f\u2028\u2029"
_CONTROL = rf"[{_CONTROLS}]"
_BEGINNING = rf"(?:^|[{MARKS}])[{_BLANK}]*"
_AT_A_MARK = rf"({_BEGINNING})('*)([{SIGNS}])"
_GUARDABLE = rf"({_BEGINNING}|[{_BLANK}](?='*[{SIGNS}](?:[^ ]|$)))('*)([{SIGNS}])"
_GUARDED = rf"({_BEGINNING}|[{_BLANK}](?='+[{SIGNS}](?:[^ ]|$)))'('*)([{SIGNS}])"
# Nearly every text is of these alone, and a look is cheaper than two replacements. Of the others hardly any
# has a sign behind a blank, and looking for both at once is slow.
_HARMLESS = "^[A-Za-z0-9](?:[A-Za-z0-9_.-]|(?: -)* [A-Za-z0-9_.])*$"
_HAS_SIGN_AT_A_BLANK = rf"[{_BLANK}{_CONTROLS}]'*[{SIGNS}](?:[^ ]|$)"


def guarded(text: str) -> str:
    """The text as it may stand in a cell: on one line, a `'` before each sign that could begin a formula.

    Tabs, line breaks and other control characters become spaces, for good; `original` takes the rest back.
    """
    return re.sub(_GUARDABLE, r"\1'\2\3", re.sub(_CONTROL, " ", text))


def original(cell: str) -> str:
    """The text that `guarded` was given, but for its control characters."""
    return re.sub(_GUARDED, r"\1\2\3", cell)


def guarded_sql(expression: str) -> str:
    """An SQL expression (PostgreSQL, UTF-8) for what `guarded` makes of a text expression; NULL stays NULL.

    `expression` stands in it more than once: give a column, or something as cheap.
    """
    spaced = f"regexp_replace({expression}, '{_CONTROL}', ' ', 'g')"

    def replaced(pattern: str) -> str:
        return rf"regexp_replace({spaced}, {_literal(pattern)}, '\1''\2\3', 'g')"

    return (
        f"CASE WHEN {expression} ~ '{_HARMLESS}' THEN {expression}"
        f" WHEN {expression} !~ {_literal(_HAS_SIGN_AT_A_BLANK)} THEN {replaced(_AT_A_MARK)}"
        f" ELSE {replaced(_GUARDABLE)} END"
    )


def _literal(pattern: str) -> str:
    return "'" + pattern.replace("'", "''") + "'"


def line(row: Iterable[str | int], separator: str = ",") -> str:
    """A row of CSV (RFC 4180) with its line end: each text guarded and between quotes, numbers bare."""
    return separator.join(_cell(value) for value in row) + "\r\n"


def _cell(value: str | int) -> str:
    return str(value) if isinstance(value, int) else '"' + guarded(value).replace('"', '""') + '"'
