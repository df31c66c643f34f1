"""What is wrong with a request's body is told in full, up to a number that costs nobody else anything."""

from typing import Any

import pytest
from common.invalid import field_error
from common.web import MOST_FAULTS, RequestModel
from pydantic import Field, ValidationError


class _Line(RequestModel):
    text: str


class _Body(RequestModel):
    name: str
    lines: tuple[_Line, ...] = ()
    counts: dict[str, int] = Field(default_factory=dict)


def told(body: object) -> list[tuple[str, str]]:
    """Place and code of each error, as an answer tells it."""
    with pytest.raises(ValidationError) as caught:
        _Body.model_validate(body)
    errors = caught.value.errors(include_url=False)
    fields = [field_error({**each, "loc": ("body", *each["loc"])}) for each in errors]
    assert all(each.message and each.message_en for each in fields)
    return [(each.pointer, each.code) for each in fields]


def test_every_fault_of_a_body_is_told_at_its_place() -> None:
    body = {"lines": [{"text": "x"}, {"text": 1, "meer": 2}], "counts": {"een": "y"}}
    assert sorted(told(body)) == [
        ("/counts/een", "int-parsing"),
        ("/lines/1/meer", "extra-forbidden"),
        ("/lines/1/text", "string-type"),
        ("/name", "missing"),
    ]


def test_as_many_faults_as_a_form_may_have_are_told() -> None:
    body: dict[str, Any] = {"name": "x", **{f"meer{number}": 1 for number in range(MOST_FAULTS)}}
    assert len(told(body)) == MOST_FAULTS


@pytest.mark.parametrize(
    "more",
    [
        {f"{number}": 1 for number in range(MOST_FAULTS + 1)},
        {"counts": {f"{number}": "x" for number in range(MOST_FAULTS + 1)}},
        {"lines": [{}] * (MOST_FAULTS + 1)},
        {"lines": [{"a": 1, "b": 1, "c": 1}] * (MOST_FAULTS // 2)},
    ],
)
def test_more_faults_than_that_are_told_as_one(more: dict[str, Any]) -> None:
    assert told({"name": "x", **more}) == [("", "too-many-faults")]
