"""The settings that every process reads from its environment (prefix ``VERMOEDEN_``)."""

import os
from pathlib import Path
from typing import Self

from pydantic import SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict


class ServiceSettings(BaseSettings):
    """Settings of one process; a service adds its own fields in its own `settings.py`.

    Each may also be a file in ``/run/secrets``, named as the variable in lower case (compose and
    Kubernetes); ``VERMOEDEN_SECRETS_FOLDER`` names another folder. A variable wins over a file.
    """

    model_config = SettingsConfigDict(env_prefix="VERMOEDEN_", frozen=True, extra="ignore")

    host: str = "127.0.0.1"  # where it listens; an image sets 0.0.0.0
    port: int = 8000  # requests; a service's own is for the gateway only
    operations_port: int = 9000  # liveness, readiness and metrics; never behind the gateway
    database_owner_url: SecretStr | None = None  # only for `migrate`
    database_web_url: SecretStr  # postgresql:// of the role that answers requests
    database_flow_url: SecretStr  # postgresql:// of the role that moves events
    database_pool_size: int = 8  # connections of each role in each process
    broker_url: SecretStr  # amqp:// of the service's own user
    identity_keys: dict[str, str] = {}  # kid → base64url Ed25519 public key of the gateway
    log_level: str = "info"  # debug, info, warning or error
    relay_poll_seconds: float = 0.05  # how often a busy relay looks for unsent events
    relay_idle_seconds: float = 0.5  # how often, at the least, an idle one does
    relay_batch: int = 200  # events that are published together
    consumer_prefetch: int = 200  # messages that the broker hands out ahead
    consumer_batch: int = 100  # messages that are handled in one transaction
    consumer_gather_seconds: float = 0.01  # how long the first of them waits for company
    consumer_pace_seconds: float = 0.05  # a busy consumer begins no more often, unless a batch is full
    retry_seconds: tuple[float, ...] = (5, 30, 120, 600, 1800, 7200)  # pauses between tries; then parked
    parked_in_a_row_limit: int = 50  # then the consumer stops: the fault is ours, not the messages'
    waiting_lease_seconds: float = 60  # a try that has not ended by then belongs to another replica
    apart_needs_walls: bool = True  # read no file or mail where the kernel cannot shut its reader in
    shutdown_seconds: float = 15  # to finish what is in hand

    @classmethod
    def from_environment(cls) -> Self:
        """Read the environment; a missing or malformed variable is named in the error."""
        folder = Path(os.environ.get("VERMOEDEN_SECRETS_FOLDER", "/run/secrets"))
        return cls(_secrets_dir=folder if folder.is_dir() else None)
