"""What a test module reads from the clock while it is collected is long past when its tests run."""

import ast
from pathlib import Path

import pytest

TESTS = Path(__file__).parents[1]
_CLOCKS = {"now", "utcnow", "today", "time", "monotonic", "perf_counter"}


class _Reading(ast.NodeVisitor):
    """Finds calls of a clock that are made on import: outside functions, or as a decorator's argument."""

    def __init__(self) -> None:
        self.lines: list[int] = []

    def visit_Call(self, node: ast.Call) -> None:
        """Note the line of a clock that is read here."""
        if isinstance(node.func, ast.Attribute) and node.func.attr in _CLOCKS:
            self.lines.append(node.lineno)
        self.generic_visit(node)

    def visit_FunctionDef(self, node: ast.FunctionDef | ast.AsyncFunctionDef) -> None:
        """Look at what runs when the function is made, not at what runs when it is called."""
        for each in (*node.decorator_list, node.args):
            self.visit(each)

    visit_AsyncFunctionDef = visit_FunctionDef  # noqa: N815 -- as the visitor names it

    def visit_Lambda(self, node: ast.Lambda) -> None:
        """Look at its defaults only: the rest runs later."""
        self.visit(node.args)


def _read_on_import(source: str) -> list[int]:
    reading = _Reading()
    reading.visit(ast.parse(source))
    return reading.lines


def test_no_clock_is_read_on_import() -> None:
    lines = {path: _read_on_import(path.read_text(encoding="utf-8")) for path in TESTS.rglob("*.py")}
    found = {str(path.relative_to(TESTS)): each for path, each in lines.items() if each}
    assert not found, "read the clock in the test: give it an age, not a moment"


@pytest.mark.parametrize(
    "planted",
    [
        "NOW = datetime.now(UTC)",
        "@pytest.mark.parametrize('at', [datetime.now(UTC)])\ndef test_it(at): ...",
        "def ago(now=time.time()): ...",
        "class Clock:\n    start = time.monotonic()",
    ],
)
def test_a_planted_one_is_found(planted: str) -> None:
    assert _read_on_import(planted)


@pytest.mark.parametrize("planted", ["def now():\n    return time.time()", "clock = lambda: time.time()"])
def test_a_clock_read_later_is_none(planted: str) -> None:
    assert not _read_on_import(planted)
