"""Which tests of the whole system can run on this machine."""

import os

from tests.support.composing import obstacle

_OBSTACLE = obstacle(os.environ)

#: Not skipped but not there: what is to be proved on a machine without an engine is in test_compose.py.
collect_ignore = ["test_compose_up.py"] if _OBSTACLE else []


def pytest_report_header() -> str:
    """Say whether the compose file is brought up."""
    if _OBSTACLE:
        return f"compose: checked as a file only, not brought up: {_OBSTACLE}"
    return "compose: brought up by the Docker engine of this machine"
