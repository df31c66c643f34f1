"""The servers behind the tests, for every kind of test, and what the workers of one run share."""

import logging
import os
from collections.abc import Iterator
from typing import Any

import pytest
import structlog
from local.servers import ports

from tests.support.backing import Backing, OwnBacking, shared_backing, start_backing
from tests.support.composing import obstacle
from tests.support.workers import Worker

_OBSTACLE = pytest.StashKey[str]()


@pytest.hookimpl(optionalhook=True)  # of pytest-xdist: in the process that starts the workers
def pytest_configure_node(node: Any) -> None:
    """Decide once for all workers whether compose is brought up: they must collect the same tests."""
    stash = node.config.stash
    if _OBSTACLE not in stash:
        stash[_OBSTACLE] = obstacle(os.environ) or ""
    node.workerinput[Worker.OBSTACLE] = stash[_OBSTACLE]


def pytest_configure(config: pytest.Config) -> None:
    """Give each worker ports of its own: a port that is picked stays free until its server listens."""
    worker = Worker.of(config)
    ports._RANGE = worker.share_of(ports._RANGE)


class _Failures:
    """Tells of each test that fails when it does, and not only at the end of a long run."""

    def __init__(self, reporter: Any) -> None:
        self._reporter = reporter

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Name it with the last line of what went wrong."""
        if report.failed:
            why = report.longreprtext.strip().splitlines() or [""]
            self._reporter.ensure_newline()
            self._reporter.write_line(f"{report.nodeid} ({report.when}): {why[-1][:200]}")


@pytest.hookimpl(trylast=True)
def pytest_sessionstart(session: pytest.Session) -> None:
    """Begin to tell, in the process that has a terminal."""
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if reporter is not None:
        session.config.pluginmanager.register(_Failures(reporter))


@pytest.fixture
def logging_as_it_was() -> Iterator[None]:
    """The logging of this process is left as it was, whatever a test configures."""
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    structlog.reset_defaults()
    structlog.contextvars.clear_contextvars()


@pytest.fixture(scope="session")
def backing(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Backing]:
    """PostgreSQL and RabbitMQ, one set per test run; take an own database and virtual host in it."""
    folder = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        folder = folder.parent  # what the workers of one run have in common
    with shared_backing(folder) as found:
        yield found


@pytest.fixture(scope="session")
def _second_backing() -> Iterator[OwnBacking]:
    with start_backing() as made:
        yield made


@pytest.fixture(scope="module")
def own_backing(_second_backing: OwnBacking) -> OwnBacking:
    """PostgreSQL and RabbitMQ that nobody else uses meanwhile, so that a test may kill and start them.

    They run when the module begins. Earlier modules may have left databases, virtual hosts and users.
    """
    for server in (_second_backing.postgres, _second_backing.rabbit):
        server.start()
    return _second_backing
