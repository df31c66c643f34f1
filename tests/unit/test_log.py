"""A line of the log has a fine time, so it has no id: the two would tell when a report came."""

import json
import logging
from uuid import uuid4

import pytest
from common import metrics
from common.log import Sparing, configure_logging, get_logger

pytestmark = pytest.mark.usefixtures("logging_as_it_was")


def test_no_id_is_left_in_a_line(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logging("test")
    own = uuid4()
    log = get_logger()
    try:
        raise RuntimeError(  # noqa: TRY301 -- caught at once, to be logged
            f"Key (municipality, id)=(zandrecht, {own}) already exists."
        )
    except RuntimeError:
        log.warning(
            "message.failed", event_id=str(own), told=[own.hex, {"of": own.hex.upper()}], exc_info=True
        )
    logging.getLogger("elsewhere").warning("row %s was refused", own)
    lines = capsys.readouterr().out.splitlines()
    assert [json.loads(line)["event"] for line in lines] == ["message.failed", "row <id> was refused"]
    for line in lines:
        assert str(own) not in line.lower()
        assert own.hex not in line.lower()


def test_a_line_keeps_its_fine_time_and_the_rest(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logging("test")
    get_logger().info("files.swept", count=7)
    told = json.loads(capsys.readouterr().out)
    assert (told["count"], told["service"], told["level"]) == (7, "test", "info")
    assert len(told["timestamp"]) > len("2026-11-30T09:15:00Z")


def test_of_one_kind_of_trouble_there_are_only_so_many_lines_a_minute(
    capsys: pytest.CaptureFixture[str],
) -> None:
    configure_logging("test")
    before = metrics.LOG_LINES_SPARED._value.get()
    for number in range(200):
        get_logger().warning("service.away", number=number)
        logging.getLogger("elsewhere").error("no %s", number)
        get_logger().info("files.swept")
    get_logger().warning("another.kind")
    lines = [json.loads(line)["event"] for line in capsys.readouterr().out.splitlines()]
    assert lines.count("service.away") == 60
    assert sum(line.startswith("no ") for line in lines) == 60
    assert (lines.count("files.swept"), lines.count("another.kind")) == (200, 1)
    assert metrics.LOG_LINES_SPARED._value.get() - before == 280


def test_after_a_minute_lines_are_written_again() -> None:
    now = 0.0
    sparing = Sparing(most=1, clock=lambda: now)
    line = logging.LogRecord("a", logging.ERROR, "a.py", 1, "no", None, None)
    assert [sparing.filter(line) for _ in range(3)] == [True, False, False]
    now = 61.0
    assert sparing.filter(line)
