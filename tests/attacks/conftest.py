"""Counts what the attacks try, and prints it as a table."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from common.certificates import make_authority

from tests.support.attempts import IS_LONG, Attempts, Tally
from tests.support.wire import Authority

_TALLY = pytest.StashKey[Tally]()
_TOLD = "attacks"


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


def pytest_sessionfinish(session: pytest.Session) -> None:
    """A worker tells what it counted."""
    if hasattr(session.config, "workeroutput"):
        session.config.workeroutput[_TOLD] = session.config.stash[_TALLY].told()


@pytest.hookimpl(optionalhook=True)  # of pytest-xdist: in the process that started the worker
def pytest_testnodedown(node: Any) -> None:
    """Count what a worker tried; one that died told nothing, and its tests have failed."""
    node.config.stash[_TALLY].add_told(getattr(node, "workeroutput", {}).get(_TOLD, ()))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """The table of tries, after a long run."""
    tally = config.stash[_TALLY]
    if IS_LONG and tally.tried:
        terminalreporter.section("attacks")
        for line in tally.lines():
            terminalreporter.write_line(line)


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    """One that our processes trust, and one that they do not."""
    return Authority(tmp_path, make_authority(), make_authority())
