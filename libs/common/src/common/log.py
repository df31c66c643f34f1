"""Structured logs: one JSON object a line, event name first, never a body, an address, a secret or an id.

A line has a fine time: with the id of a report or an event in it, it would tell when somebody reported. Of
one kind of trouble there are only so many lines a minute, for some of it anybody can cause.
"""

import logging
import re
import sys
import time
from collections import Counter
from collections.abc import Callable

import structlog

from common import metrics

_ID = re.compile(r"(?i)[0-9a-f]{8}-?(?:[0-9a-f]{4}-?){3}[0-9a-f]{12}")


_render = structlog.processors.JSONRenderer()


def _rendered(logger: object, name: str, told: structlog.typing.EventDict) -> str:
    """The line without any UUID, wherever it stands: also in what a database says of a row."""
    line = _render(logger, name, told)
    return _ID.sub("<id>", line if isinstance(line, str) else line.decode())


class Sparing(logging.Filter):
    """Lets so many lines of one kind through in a minute; those beyond are counted only.

    A kind is an event name of ours, or a place in the code of others. Lines below a warning all pass.
    """

    def __init__(self, most: int = 60, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__()
        self._most, self._clock = most, clock
        self._began = clock()
        self._lines: Counter[str] = Counter()

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether this line is written."""
        if record.levelno < logging.WARNING:
            return True
        if self._clock() - self._began >= 60:
            self._began = self._clock()
            self._lines.clear()
        told = record.msg
        kind = str(told.get("event")) if isinstance(told, dict) else f"{record.name}:{record.lineno}"
        self._lines[kind] += 1
        if self._lines[kind] > self._most:
            metrics.LOG_LINES_SPARED.inc()
            return False
        return True


def configure_logging(service: str, level: str = "info") -> None:
    """Send every log line of this process to standard output as JSON, with the service's name."""
    processors: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.ExceptionRenderer(
            structlog.tracebacks.ExceptionDictTransformer(show_locals=False, max_frames=20)
        ),
    ]
    structlog.configure(
        processors=[*processors, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=processors,
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                _rendered,
            ],
        )
    )
    handler.addFilter(Sparing())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())
    for chatty in ("aio_pika", "aiormq", "uvicorn.access", "sqlalchemy", "asyncio", "alembic"):
        logging.getLogger(chatty).setLevel(logging.WARNING)
    # It warns of what clients send wrong, each time; that is counted (`CONNECTIONS_CUT`).
    logging.getLogger("uvicorn").setLevel(logging.ERROR)
    structlog.contextvars.bind_contextvars(service=service)


def get_logger() -> structlog.stdlib.BoundLogger:
    """A logger; call it as ``log.info("files.swept", count=…)``; ids are left out of every line."""
    logger: structlog.stdlib.BoundLogger = structlog.get_logger()
    return logger
