"""Which tests of the whole system can run on this machine."""

import os
from pathlib import Path

import pytest

from tests.support.composing import obstacle
from tests.support.workers import Worker

_OBSTACLE = pytest.StashKey[str]()


def _obstacle(config: pytest.Config) -> str:
    if _OBSTACLE not in config.stash:
        told = Worker.of(config).told.get(Worker.OBSTACLE)
        config.stash[_OBSTACLE] = (obstacle(os.environ) or "") if told is None else told
    return config.stash[_OBSTACLE]


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Not skipped but not there: what can be proved without an engine is in test_compose.py."""
    return True if collection_path.name == "test_compose_up.py" and _obstacle(config) else None


def pytest_report_header(config: pytest.Config) -> str:
    """Say whether the compose file is brought up."""
    if reason := _obstacle(config):
        return f"compose: checked as a file only, not brought up: {reason}"
    return "compose: brought up by the Docker engine of this machine"
