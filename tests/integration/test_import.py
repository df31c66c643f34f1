"""Importing a file through the front door: checked first, sent once, gone on with, told row by row."""

import asyncio
import csv
import os
import stat
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from common.contracts.codes import Role
from common.receipt import parse_receipt

from gateway import actions
from tests.support.backing import Backing
from tests.support.reporting_point import TOWN, Point, reporting_point

DOCS = Path(__file__).parents[2] / "docs/examples"
_HEAD = "signalType;description;channel;answers.waargenomen;contact.mail\n"
_GOOD = "hennepteelt;Het ruikt naar wiet.;{};zelf-waargenomen;\n"


@pytest_asyncio.fixture(scope="module")
async def point(backing: Backing) -> AsyncIterator[Point]:
    async with reporting_point(backing) as started:
        yield started


@pytest_asyncio.fixture(scope="module")
async def key(point: Point) -> str:
    return await actions.put_api_key(
        point.gateway.database,
        municipality=TOWN,
        name="invoer",
        roles=[Role.STAFF_ENTRY],
        purpose="proef",
        bounds=actions.KeyBounds(per_minute=60_000),
    )


async def _run(
    key: str, *arguments: str, program: tuple[str, ...] = ("-m", "gateway", "import"), url: str = ""
) -> subprocess.CompletedProcess[str]:
    environment = {"PATH": os.environ["PATH"], "VERMOEDEN_API_KEY": key, "VERMOEDEN_URL": url}
    return await asyncio.to_thread(
        subprocess.run,
        [sys.executable, *program, *arguments],
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
    )


def _outcome(file: Path) -> list[dict[str, str]]:
    with (file.parent / (file.name + ".outcome.csv")).open(encoding="utf-8", newline="") as opened:
        return list(csv.DictReader(opened))


async def test_the_example_file_passes_the_dry_run_and_nothing_is_sent(point: Point, key: str) -> None:
    before = await point.intake.count()
    done = await _run(key, str(DOCS / "reports.csv"), "--url", point.url, "--dry-run")
    assert (done.returncode, done.stdout) == (
        0,
        "2 row(s) would be taken, 0 would not. Nothing was sent.\n",
    ), done.stdout + done.stderr
    assert await point.intake.count() == before


async def test_every_fault_is_told_with_its_row_and_column(point: Point, key: str, tmp_path: Path) -> None:
    file = tmp_path / "fout.csv"
    file.write_text(_HEAD + _GOOD.format("balie") + "nergens;;duif;;geen mail\nte;kort\n", encoding="utf-8")
    done = await _run(key, str(file), "--url", point.url, "--dry-run")
    assert done.returncode == 1
    assert "row 2  channel: " in done.stdout
    assert "row 2  contact.mail: " in done.stdout
    assert "row 3  report: This row has 2 cells" in done.stdout
    assert "1 row(s) would be taken, 2 would not." in done.stdout


async def test_no_name_out_of_a_file_is_acted_on_where_its_fault_is_read(
    point: Point, key: str, tmp_path: Path
) -> None:
    file = tmp_path / "vreemd.jsonl"
    row = '{"signalType":"hennepteelt","description":"x","=1+cmd|x":1,"\\u001b[2J":2,"a;=1,-2":3}\n'
    file.write_text(row, encoding="utf-8")
    dry = await _run(key, str(file), "--url", point.url, "--dry-run")
    assert (dry.returncode, "\x1b" in dry.stdout) == (1, False)
    assert "row 1  '=1+cmd|x': " in dry.stdout
    assert (await _run(key, str(file), "--url", point.url)).returncode == 1
    written = (tmp_path / "vreemd.jsonl.outcome.csv").read_text("utf-8")
    (line,) = _outcome(file)
    assert "a;'=1,'-2" in line["fault"]
    for split in ",;|\t":
        naive = [cell for row in written.splitlines() for cell in row.split(split)]
        assert not [cell for cell in naive if cell.lstrip('" ').startswith(("=", "+", "-", "@"))]
    assert "\x1b" not in line["fault"]


async def test_a_file_is_sent_once_however_often_it_is_run(point: Point, key: str, tmp_path: Path) -> None:
    file = tmp_path / "meldingen.csv"
    file.write_text(
        _HEAD + _GOOD.format("balie") * 2 + "nergens;Zo.;;;\n" + _GOOD.format("telefoon"), encoding="utf-8"
    )
    before = await point.intake.count()
    done = await _run(key, str(file), "--url", point.url)
    assert done.returncode == 1, done.stderr
    assert "3 sent, 0 sent before, 1 refused" in done.stdout
    lines = _outcome(file)
    assert [each["outcome"] for each in lines] == ["sent", "sent", "refused", "sent"]
    receipts = {parse_receipt(each["receipt"]) for each in lines if each["receipt"]}
    assert len(receipts) == 3  # equal rows are two reports
    assert "signalType" in lines[2]["fault"]
    for suffix in ("", ".secret"):
        made = tmp_path / f"meldingen.csv.outcome.csv{suffix}"
        assert stat.S_IMODE(os.stat(made).st_mode) == 0o600  # noqa: PTH116 -- a look, not a read
    # rows moved, the outcome lost its last line halfway, and another row came in between
    outcome = tmp_path / "meldingen.csv.outcome.csv"
    outcome.write_bytes(outcome.read_bytes()[:-10])  # within a receipt, and its quotes
    mended = "hennepteelt;Nieuw ertussen.;balie;zelf-waargenomen;\n"
    file.write_text(_HEAD + _GOOD.format("telefoon") + mended + _GOOD.format("balie") * 2, encoding="utf-8")
    again = await _run(key, str(file), "--url", point.url)
    assert again.returncode == 0, again.stderr
    assert await point.intake.count() == before + 4
    ended = [each["outcome"] for each in _outcome(file)]
    assert ended == ["sent", "sent", "refused", "sent", "sent"]  # the line after the half one stands alone
    assert key not in done.stdout + done.stderr + again.stdout + again.stderr + outcome.read_text("utf-8")


@pytest.mark.parametrize(
    ("wrong_key", "url", "said"),
    [
        ("vk_" + "x" * 43, None, "This API key is not known"),
        ("", None, "Put an API key"),
        ("vk_" + "x" * 43, "http://melden.waterdam.example", "does not travel unencrypted"),
    ],
)
async def test_a_key_or_door_that_is_wrong_ends_it_with_a_sentence(
    point: Point, wrong_key: str, url: str | None, said: str
) -> None:
    done = await _run(wrong_key, str(DOCS / "reports.csv"), "--url", url or point.url)
    assert done.returncode == 2
    assert said in done.stderr
    assert "Traceback" not in done.stderr


async def test_a_key_for_figures_imports_nothing(point: Point) -> None:
    figures = await actions.put_api_key(
        point.gateway.database, municipality=TOWN, name="csv", roles=[Role.EXPORT], purpose="proef"
    )
    done = await _run(figures, str(DOCS / "reports.csv"), "--url", point.url, "--dry-run")
    assert done.returncode == 2
    assert "403" in done.stderr


async def test_a_busy_door_is_waited_for(point: Point, tmp_path: Path) -> None:
    slow = await actions.put_api_key(
        point.gateway.database,
        municipality=TOWN,
        name="traag",
        roles=[Role.STAFF_ENTRY],
        purpose="proef",
        bounds=actions.KeyBounds(per_minute=60),
    )
    file = tmp_path / "druk.csv"
    file.write_text(
        _HEAD + "".join(f"hennepteelt;Rij {at}.;mma;zelf-waargenomen;\n" for at in range(12)),
        encoding="utf-8",
    )
    done = await _run(slow, str(file), "--url", point.url)
    assert done.returncode == 0, done.stderr
    assert "12 sent" in done.stdout


async def test_the_example_program_of_the_handbook_gets_a_receipt(point: Point, key: str) -> None:
    done = await _run(key, program=(str(DOCS / "report.py"),), url=point.url)
    assert parse_receipt(done.stdout.strip()), done.stderr
