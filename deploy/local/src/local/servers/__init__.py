"""A PostgreSQL and a RabbitMQ of our own: private data, loopback only, ended together with us."""

from local.servers.errors import (
    FolderInUse,
    FolderUnusable,
    PortTaken,
    ProgramMissing,
    ServerError,
    StartFailed,
)
from local.servers.ports import free_port
from local.servers.postgres import PrivatePostgres
from local.servers.rabbit import PrivateRabbit

__all__ = [
    "FolderInUse",
    "FolderUnusable",
    "PortTaken",
    "PrivatePostgres",
    "PrivateRabbit",
    "ProgramMissing",
    "ServerError",
    "StartFailed",
    "free_port",
]
