"""A file of reports, sent one by one through the front door with an API key; nothing goes around it."""

from gateway.importing.command import add_arguments, run

__all__ = ["add_arguments", "run"]
