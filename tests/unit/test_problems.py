"""Whatever goes wrong, its reader is told in Dutch and in English what to do."""

import importlib
import pkgutil
from collections.abc import Iterator

import pytest
from common.errors import AppError, FieldError, Malformed, TooMuch, problem_document
from intake.actions import SameKeyOtherReport
from intake.writer import AttachmentTaken
from notifier.actions import TooManyReplies

PACKAGES = ("common", "gateway", "intake", "casework", "notifier", "reporting")
#: Conflicts that somebody who reports may meet: the general words would not help there.
OF_REPORTERS = (SameKeyOtherReport, AttachmentTaken, TooManyReplies)


def problems() -> Iterator[type[AppError]]:
    """Every kind of problem that the code knows."""
    for name in PACKAGES:
        package = importlib.import_module(name)
        for module in pkgutil.walk_packages(package.__path__, f"{name}."):
            if "migrations" not in module.name and not module.name.endswith("__main__"):
                importlib.import_module(module.name)
    waiting: list[type[AppError]] = [AppError]
    while waiting:
        kind = waiting.pop()
        yield kind
        waiting += kind.__subclasses__()


PROBLEMS = sorted(set(problems()), key=lambda kind: (kind.__module__, kind.__name__))


def test_the_problems_are_found() -> None:
    assert len(PROBLEMS) > 40
    assert set(OF_REPORTERS) < set(PROBLEMS)


@pytest.mark.parametrize("kind", PROBLEMS, ids=lambda kind: f"{kind.__module__}.{kind.__name__}")
def test_a_problem_says_in_both_languages_what_to_do(kind: type[AppError]) -> None:
    dutch, english = kind.fix
    assert dutch != english
    assert all(each.endswith(".") and "  " not in each for each in (dutch, english))


@pytest.mark.parametrize("kind", OF_REPORTERS)
def test_a_conflict_that_a_reporter_may_meet_has_words_of_its_own(kind: type[AppError]) -> None:
    assert kind.fix != AppError.fix


def test_a_problem_without_fields_tells_it_of_the_whole() -> None:
    dutch, english = TooMuch.fix
    assert problem_document(TooMuch("Slow down."))["errors"] == [
        {"pointer": "", "code": "too-many-requests", "message": dutch, "messageEn": english}
    ]


def test_a_problem_with_fields_tells_those_only() -> None:
    field = FieldError("/mode", "missing", "Vul dit in.", "Fill this in.")
    assert problem_document(Malformed(errors=[field]))["errors"] == [field.as_json()]
