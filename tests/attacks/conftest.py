"""Counts what the attacks try, and prints it as a table."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.attempts import IS_LONG, Attempts, Tally

_TALLY = pytest.StashKey[Tally]()


def pytest_configure(config: pytest.Config) -> None:
    """One tally for the run."""
    config.stash[_TALLY] = Tally()


@pytest.fixture
def attempts(request: pytest.FixtureRequest) -> Iterator[Attempts]:
    """What this test tries; it fails when one try succeeds, or when there was none."""
    made = Attempts()
    yield made
    request.config.stash[_TALLY].add(Path(request.node.path).name, made)
    made.verdict()


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """The table of tries, after a long run."""
    tally = config.stash[_TALLY]
    if IS_LONG and tally.tried:
        terminalreporter.section("attacks")
        for line in tally.lines():
            terminalreporter.write_line(line)
