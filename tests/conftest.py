"""The servers behind the tests, for every kind of test."""

import os
from collections.abc import Iterator

import pytest

from tests.support.backing import Backing, OwnBacking, shared_backing, start_backing


@pytest.fixture(scope="session")
def backing(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Backing]:
    """PostgreSQL and RabbitMQ, one set per test run; take an own database and virtual host in it."""
    folder = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        folder = folder.parent  # what the workers of one run have in common
    with shared_backing(folder) as found:
        yield found


@pytest.fixture(scope="module")
def own_backing() -> Iterator[OwnBacking]:
    """PostgreSQL and RabbitMQ for one test module alone, which may kill and start them."""
    with start_backing() as made:
        yield made
