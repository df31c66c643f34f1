"""The short version of `make faults`: everything is killed at least once while reports come in."""

from pathlib import Path

from local.system import erase_data

from tests.faults.__main__ import run_faults
from tests.faults.plan import SHORT


def test_nothing_is_lost_doubled_or_brought_back_while_everything_is_killed(tmp_path: Path) -> None:
    folder = tmp_path / "faults"
    verdict = run_faults(folder, SHORT, lambda text: print(text, flush=True))
    print(verdict.table())
    assert not verdict.wrong
    assert verdict.accepted >= SHORT.reports
    erase_data(folder)
