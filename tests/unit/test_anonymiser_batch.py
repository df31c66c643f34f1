"""``python -m intake anonymise``: JSON lines in, JSON lines out, and a clear word about what is none."""

import contextlib
import io
import json
import subprocess
import sys
from typing import IO, cast

import pytest
from intake.anonymiser import MAX_CHARACTERS
from intake.anonymiser.batch import anonymise_lines

COMMAND = [sys.executable, "-m", "intake", "anonymise"]
GOOD = '{"id": "1", "text": "Bel 06-12345678."}\n'


def through(lines: str) -> list[dict[str, object]]:
    target = io.StringIO()
    anonymise_lines(io.BytesIO(lines.encode()), target)
    return [json.loads(line) for line in target.getvalue().splitlines()]


def test_lines_in_are_lines_out() -> None:
    span = {"start": 4, "end": 15, "type": "TELEFOON", "placeholder": "[TELEFOON-1]"}
    assert through(GOOD + "\n  \n") == [{"id": "1", "text": "Bel [TELEFOON-1].", "spans": [span]}]
    assert through('{"text": ""}\n') == [{"id": None, "text": "", "spans": []}]
    assert through("") == []


@pytest.mark.parametrize(
    ("line", "complaint"),
    [
        ("{", "line 2 is not JSON"),
        ("[" * 100_000, "line 2 is not JSON"),
        ("[]", "line 2 is not a JSON object"),
        ('{"id": "1"}', "line 2 is not a JSON object"),
        ('{"id": "1", "text": 5}', "line 2 is not a JSON object"),
        ('{"text": "' + "a" * 1_100_000, "line 2 is longer than 1000000 bytes"),
        (json.dumps({"text": "a" * (MAX_CHARACTERS + 1)}), "line 2 has a text of 12001 characters"),
    ],
)
def test_a_line_that_cannot_be_read_is_named(line: str, complaint: str) -> None:
    target = io.StringIO()
    with pytest.raises(SystemExit, match=complaint):
        anonymise_lines(io.BytesIO((GOOD + line + "\n").encode()), target)
    assert json.loads(target.getvalue())["id"] == "1"


def test_half_a_character_goes_through() -> None:
    target = io.TextIOWrapper(io.BytesIO(), encoding="utf-8")
    anonymise_lines(io.BytesIO('{"text": "\\ud83d é"}\n'.encode()), target)
    target.flush()
    target.seek(0)
    assert json.loads(target.read())["text"] == "\ud83d é"


def test_the_command_reads_utf8_and_names_what_is_none() -> None:
    done = subprocess.run(
        COMMAND, input='{"text": "ë 06-12345678"}\n'.encode() + b"\xff\n", capture_output=True
    )
    assert json.loads(done.stdout.decode())["text"] == "ë [TELEFOON-1]"
    assert done.returncode == 1
    assert b"is not UTF-8" in done.stderr
    assert b"Traceback" not in done.stderr


def test_the_command_ends_quietly_when_nobody_reads_on() -> None:
    pipe = subprocess.PIPE
    with subprocess.Popen(COMMAND, stdin=pipe, stdout=pipe, stderr=pipe) as run:
        stdin, stdout, stderr = cast("IO[bytes]", run.stdin), cast("IO[bytes]", run.stdout), run.stderr
        stdout.close()
        with contextlib.suppress(BrokenPipeError):
            stdin.write(GOOD.encode() * 20_000)
        with contextlib.suppress(BrokenPipeError):
            stdin.close()
        assert stderr is not None
        assert stderr.read() == b""
    assert run.returncode == 141
