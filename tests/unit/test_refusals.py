"""Every refusal of intake and of the gateway's report door has a test that names its code."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
INTAKE = ROOT / "services" / "intake" / "src" / "intake"
GATEWAY = ROOT / "gateway" / "src" / "gateway"
SOURCES = [
    *(file for file in INTAKE.rglob("*.py") if "migrations" not in file.parts),
    *(GATEWAY / name for name in ("bodies.py", "flood.py", "front.py", "passthrough.py", "upstream.py")),
]
#: Calls that make a refusal; its code is the first of their arguments that reads like one.
MAKERS = frozenset({"Fault", "FieldError", "_fault", "_wrong", "FileRefused", "PydanticCustomError"})
CODE = re.compile("[a-z0-9]+(-[a-z0-9]+)*")


def refusals() -> Iterator[tuple[str, str]]:
    """Each code with the file that refuses with it."""
    for source in SOURCES:
        for node in ast.walk(ast.parse(source.read_text(encoding="utf-8"))):
            for code in _codes(node):
                yield source.relative_to(ROOT).as_posix(), code


def _codes(node: ast.AST) -> Iterator[str]:
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in MAKERS:
        yield from [each for each in map(_text, node.args) if CODE.fullmatch(each)][:1]
    if isinstance(node, ast.Assign) and [ast.unparse(target) for target in node.targets] == ["code"]:
        yield _text(node.value)
    if isinstance(node, ast.AnnAssign) and ast.unparse(node.target) == "_SENTENCES":
        assert isinstance(node.value, ast.Dict)
        yield from (_text(key) for key in node.value.keys if key is not None)


def _text(node: ast.expr) -> str:
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else ""


def _said_in_tests() -> frozenset[str]:
    said = set()
    for file in (ROOT / "tests").rglob("*.py"):
        if file == Path(__file__):
            continue
        tree = ast.parse(file.read_text(encoding="utf-8"))
        constants = [node.value for node in ast.walk(tree) if isinstance(node, ast.Constant)]
        said |= {each for each in constants if isinstance(each, str)}
        said |= {each.decode("latin-1") for each in constants if isinstance(each, bytes)}
    return frozenset(said)


REFUSALS = sorted(set(refusals()))
SAID = _said_in_tests()


def test_the_refusals_are_found() -> None:
    assert len(REFUSALS) > 40
    assert {"unknown-question", "not-solved", "body-too-slow", "damaged"} <= {code for _, code in REFUSALS}


@pytest.mark.parametrize(("source", "code"), REFUSALS)
def test_a_refusal_has_a_test_that_names_it(source: str, code: str) -> None:
    assert code in SAID, f"{source} refuses with '{code}', and no test says so"
