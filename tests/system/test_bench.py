"""The bench in its small version: every measurement is taken, told and written, fast or not."""

import json
import subprocess
import sys
from typing import Any

import pytest

from tests.bench.__main__ import MEASUREMENTS
from tests.support.composing import ROOT

_SECONDS = 500
#: Of each measurement at least one figure, by how its name begins.
_EXPECTED = (
    *(f"accepted through the gateway, {clients} client" for clients in (1, 8, 32, 64)),
    "live end to end",
    "backlog drain",
    "end to end p99 at 100/s",
    "a handler's work list",
    "the manager's work list",
    "statistics at",
    "CSV of 20,000 rows at reporting's port",
    "CSV of 20,000 rows through the gateway",
    *(f"memory of {name}" for name in ("gateway", "intake", "casework", "notifier", "reporting")),
    *(f"start of {name}" for name in ("gateway", "intake", "casework", "notifier", "reporting")),
)


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, Any], str]:
    folder = tmp_path_factory.mktemp("bench")
    done = subprocess.run(
        [
            *(sys.executable, "-m", "tests.bench", "--quick"),
            *("--folder", str(folder / "run"), "--result", str(folder / "bench.json")),
        ],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=_SECONDS,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return json.loads((folder / "bench.json").read_text(encoding="utf-8")), done.stdout


def test_every_measurement_gives_figures_and_the_circumstances(told: tuple[dict[str, Any], str]) -> None:
    document, _ = told
    names = [figure["name"].strip() for figure in document["figures"]]
    assert document["measured"] == list(MEASUREMENTS)
    assert all(any(name.startswith(start) for name in names) for start in _EXPECTED), names
    assert document["cores"] >= 1
    assert document["own_cores"] > 0


def test_every_rate_stands_beside_its_limit_and_its_cost(told: tuple[dict[str, Any], str]) -> None:
    document, _ = told
    rates = [figure for figure in document["figures"] if figure["unit"].endswith("/s")]
    assert len(rates) >= 8
    for figure in rates:
        assert figure["value"] > 0, figure
        assert figure["limit"] > 0, figure
        assert figure["limit_is"], figure
        assert figure["cpu_micros"] > 0, figure


def test_no_report_is_refused_however_many_clients_there_are(told: tuple[dict[str, Any], str]) -> None:
    document, _ = told
    failed = [figure for figure in document["figures"] if figure["name"].strip().startswith("failed")]
    assert len(failed) == 4
    assert all(figure["value"] == 0 for figure in failed), failed


def test_the_table_and_the_progress_are_printed(told: tuple[dict[str, Any], str]) -> None:
    document, printed = told
    assert all(figure["name"] in printed for figure in document["figures"])
    assert "CPU-µs/op" in printed
    assert printed.index("[") < printed.index("CPU-µs/op")  # progress comes while it works
