"""Two who pick ports at one time, before either listens, never get the same."""

import subprocess
import sys

import pytest
from local.servers import PortTaken, free_port, ports

_PICK = """
import random, sys
from local.servers import free_port
random.choice = lambda _range: int(sys.argv[1])
print(free_port())
"""


def _pick_elsewhere(port: int) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", _PICK, str(port)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_a_port_that_was_given_out_is_given_to_no_other_process() -> None:
    port = free_port()
    assert "PortTaken" in _pick_elsewhere(port).stderr


def test_a_port_is_free_again_once_its_process_has_ended() -> None:
    port = next(each for each in range(31_000, 32_000) if ports.is_free(each))
    assert [_pick_elsewhere(port).stdout.strip() for _ in range(2)] == [str(port)] * 2


def test_a_port_is_given_out_once(monkeypatch: pytest.MonkeyPatch) -> None:
    port = free_port()
    monkeypatch.setattr("random.choice", lambda _range: port)
    with pytest.raises(PortTaken):
        free_port()
