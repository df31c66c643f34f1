"""What has a length is false while it is empty: `given or Default()` then drops what was given."""

import ast
from collections.abc import Iterable
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SOURCES = [path for room in ("libs", "gateway", "services", "deploy") for path in (ROOT / room).rglob("*.py")]


def _sized(trees: Iterable[ast.AST]) -> set[str]:
    """Names of classes whose objects can be false."""
    return {
        node.name
        for tree in trees
        for node in ast.walk(tree)
        if isinstance(node, ast.ClassDef)
        and any(
            isinstance(each, ast.FunctionDef) and each.name in ("__len__", "__bool__") for each in node.body
        )
    }


def _dropping(tree: ast.AST, sized: set[str]) -> list[int]:
    """Lines on which such an object is made in place of one that may only be empty."""
    return [
        node.lineno
        for node in ast.walk(tree)
        if isinstance(node, ast.BoolOp) and isinstance(node.op, ast.Or)
        for last in node.values[1:]
        if isinstance(last, ast.Call) and isinstance(last.func, ast.Name) and last.func.id in sized
    ]


def test_nothing_empty_is_taken_for_absent() -> None:
    trees = {path: ast.parse(path.read_text(encoding="utf-8")) for path in SOURCES}
    sized = _sized(trees.values())
    assert "Pace" in sized
    found = [f"{path}:{line}" for path, tree in trees.items() for line in _dropping(tree, sized)]
    assert not found, "write `Default() if given is None else given`"


@pytest.mark.parametrize("planted", ["x = given or Guard()", "serve(1, given or Guard(limits))"])
def test_a_planted_one_is_found(planted: str) -> None:
    assert _dropping(ast.parse(planted), {"Guard"}) == [1]
