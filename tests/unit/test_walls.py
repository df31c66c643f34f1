"""Each wall of the house holds: a fault planted in a copy of the sources is named by its contract."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SOURCES = (
    "libs/common/src",
    "services/intake/src",
    "services/casework/src",
    "services/notifier/src",
    "services/reporting/src",
    "gateway/src",
    "deploy/local/src",
)

#: Contract → the file to which a line is added, the line, and what the report must name.
FAULTS = {
    "Services know nothing of each other": (
        "services/intake/src/intake/store.py",
        "import casework.domain",
        "intake.store -> casework.domain",
    ),
    "The common library knows no service": (
        "libs/common/src/common/log.py",
        "import intake.domain",
        "common.log -> intake.domain",
    ),
    "No service needs the local system": (
        "services/notifier/src/notifier/store.py",
        "import local.demo",
        "notifier.store -> local.demo",
    ),
    "Intake keeps to its rooms": ("services/intake/src/intake/helpers.py", "", "helpers"),
    "Casework keeps to its rooms": (
        "services/casework/src/casework/store/rules.py",
        "import casework.api",
        "casework.store.rules -> casework.api",
    ),
    "The notifier keeps to its rooms": (
        "services/notifier/src/notifier/domain.py",
        "import notifier.settings",
        "notifier.domain -> notifier.settings",
    ),
    "Reporting keeps to its rooms": (
        "services/reporting/src/reporting/store.py",
        "import reporting.actions",
        "reporting.store -> reporting.actions",
    ),
    "The gateway keeps to its rooms": (
        "gateway/src/gateway/domain/pace.py",
        "import gateway.api",
        "gateway.domain.pace -> gateway.api",
    ),
    "Domains decide with the standard library only": (
        "services/casework/src/casework/domain/__init__.py",
        "import pydantic",
        "casework.domain -> pydantic",
    ),
    "What domains may import of common is plain itself": (
        "libs/common/src/common/coarse.py",
        "import common.db",
        "common.coarse -> common.db",
    ),
    "Only common.messaging speaks to the broker": (
        "services/casework/src/casework/actions/base.py",
        "import aio_pika",
        "casework.actions.base -> aio_pika",
    ),
}


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """What import-linter says of each contract when every fault is planted."""
    copy = tmp_path_factory.mktemp("house")
    for source in SOURCES:
        shutil.copytree(
            ROOT / source, copy / source, ignore=shutil.ignore_patterns("__pycache__", "static", "templates")
        )
    shutil.copy(ROOT / ".importlinter", copy)
    for file, line, _ in FAULTS.values():
        with (copy / file).open("a", encoding="utf-8") as opened:
            opened.write(f"\n{line}\n")
    done = subprocess.run(
        [str(Path(sys.executable).parent / "lint-imports"), "--no-cache"],
        cwd=copy,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(str(copy / source) for source in SOURCES)},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 1, done.stderr
    broken = done.stdout.partition("Broken contracts")[2]
    titles = [title for title in FAULTS if f"\n{title}\n-" in broken]
    starts = sorted((broken.index(f"\n{title}\n-"), title) for title in titles)
    ends = [start for start, _ in starts[1:]] + [len(broken)]
    return {title: broken[start:end] for (start, title), end in zip(starts, ends, strict=True)}


@pytest.mark.parametrize("contract", list(FAULTS))
def test_a_planted_fault_is_named_by_its_contract(told: dict[str, str], contract: str) -> None:
    assert FAULTS[contract][2] in told.get(contract, "the contract was kept")


def test_every_contract_has_a_planted_fault() -> None:
    written = [
        line.partition("=")[2].strip()
        for line in (ROOT / ".importlinter").read_text(encoding="utf-8").splitlines()
        if line.startswith("name =")
    ]
    assert sorted(written) == sorted(FAULTS)
