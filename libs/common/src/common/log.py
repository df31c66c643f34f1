"""Structured logs: one JSON object a line, event name first, never a body, an address, a secret or an id.

A line has a fine time: with the id of a report or an event in it, it would tell when somebody reported.
"""

import logging
import re
import sys

import structlog

_ID = re.compile(r"(?i)[0-9a-f]{8}-?(?:[0-9a-f]{4}-?){3}[0-9a-f]{12}")


_render = structlog.processors.JSONRenderer()


def _rendered(logger: object, name: str, told: structlog.typing.EventDict) -> str:
    """The line without any UUID, wherever it stands: also in what a database says of a row."""
    line = _render(logger, name, told)
    return _ID.sub("<id>", line if isinstance(line, str) else line.decode())


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
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())
    for chatty in ("aio_pika", "aiormq", "uvicorn.access", "sqlalchemy", "asyncio", "alembic"):
        logging.getLogger(chatty).setLevel(logging.WARNING)
    structlog.contextvars.bind_contextvars(service=service)


def get_logger() -> structlog.stdlib.BoundLogger:
    """A logger; call it as ``log.info("files.swept", count=…)``; ids are left out of every line."""
    logger: structlog.stdlib.BoundLogger = structlog.get_logger()
    return logger
