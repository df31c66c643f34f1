"""The settings that every process reads from its environment (prefix ``VERMOEDEN_``)."""

import math
import os
from functools import cached_property
from pathlib import Path
from typing import Self

from pydantic import SecretStr, ValidationError, model_validator
from pydantic_core import ErrorDetails
from pydantic_settings import BaseSettings, SettingsConfigDict

from common.addresses import SHOWN, is_encrypted, refuse_plain
from common.tls import FILES, Tls


class ServiceSettings(BaseSettings):
    """Settings of one process; a service adds its own fields in its own `settings.py`.

    Each may also be a file in ``/run/secrets``, named as the variable in lower case (compose and
    Kubernetes); ``VERMOEDEN_SECRETS_FOLDER`` names another folder. A variable wins over a file.

    Guarantee: no address in the settings is spoken to in clear, unless it is on this machine.
    """

    model_config = SettingsConfigDict(
        env_prefix="VERMOEDEN_", frozen=True, extra="ignore", hide_input_in_errors=True
    )

    host: str = "127.0.0.1"  # where it listens; an image sets 0.0.0.0. Beyond loopback it needs a certificate
    port: int = 8000  # requests; a service's own is for the gateway only
    operations_port: int = 9000  # liveness, readiness and metrics, in clear; never behind the gateway
    tls_ca_file: Path | None = None  # PEM: who is trusted; `ca.crt` beside the secrets when not set
    tls_certificate_file: Path | None = None  # PEM: what this process shows; likewise `tls.crt`
    tls_key_file: Path | None = None  # PEM: the private key of that; likewise `tls.key`
    tls_callers: tuple[str, ...] = ("gateway",)  # names: a caller's certificate must hold one; [] asks none
    database_owner_url: SecretStr | None = None  # only for `migrate`; as the two below
    database_web_url: SecretStr  # of the role that answers requests: postgresql://…?sslmode=verify-full
    database_flow_url: SecretStr  # of the role that moves events: postgresql://…?sslmode=verify-full
    database_pool_size: int = 8  # connections of each role in each process
    broker_url: SecretStr  # amqps:// of the service's own user
    identity_keys: dict[str, str] = {}  # kid → base64url Ed25519 public key of the gateway
    log_level: str = "info"  # debug, info, warning or error
    relay_poll_seconds: float = 0.075  # how often a busy relay looks for unsent events
    relay_idle_seconds: float = 0.5  # how often, at the least, an idle one does
    relay_batch: int = 200  # events that are published together
    consumer_prefetch: int = 200  # messages that the broker hands out ahead
    consumer_batch: int = 100  # messages that are handled in one transaction
    consumer_gather_seconds: float = 0.01  # how long the first of them waits for company
    consumer_pace_seconds: float = 0.1  # a busy consumer begins no more often, unless a batch is full
    retry_seconds: tuple[float, ...] = (5, 30, 120, 600, 1800, 7200)  # pauses between tries; then parked
    parked_in_a_row_limit: int = 50  # of two speakers: then the consumer stops; the fault is ours
    waiting_lease_seconds: float = 60  # a try that has not ended by then belongs to another replica
    apart_needs_walls: bool = True  # read no file or mail where the kernel cannot shut its reader in
    shutdown_seconds: float = 15  # to finish what is in hand
    forget_seconds: float = 15  # between two rounds that overwrite freed memory

    @classmethod
    def from_environment(cls) -> Self:
        """Read the environment; ends with a sentence for each variable that is missing or refused."""
        return cls.from_folder(Path(os.environ.get("VERMOEDEN_SECRETS_FOLDER", "/run/secrets")))

    @classmethod
    def from_folder(cls, folder: Path) -> Self:
        """As `from_environment`; secrets and certificates are of this folder where no variable is set."""
        found = {f"tls_{kind}_file": folder / name for kind, name in FILES.items()}
        files = {
            setting: file
            for setting, file in found.items()
            if not os.environ.get(f"VERMOEDEN_{setting.upper()}") and file.is_file()
        }
        try:
            return cls(_secrets_dir=folder if folder.is_dir() else None, **files)  # type: ignore[arg-type]
        except ValidationError as error:
            faults = error.errors(include_url=False, include_input=False, include_context=False)
            raise SystemExit("\n".join(_sentence(each) for each in faults)) from None

    @cached_property
    def tls(self) -> Tls:
        """What every connection of this process is made with."""
        return Tls(self.tls_ca_file, self.tls_certificate_file, self.tls_key_file)

    @property
    def answers_in_clear(self) -> bool:
        """Whether requests are answered without TLS though this process is reached from elsewhere."""
        return False

    @model_validator(mode="after")
    def _no_number_below_nothing(self) -> Self:
        for name in type(self).model_fields:
            value = getattr(self, name)
            for each in value if isinstance(value, tuple) else (value,):
                if isinstance(each, (int, float)) and not 0 <= each < math.inf:
                    raise ValueError(f"VERMOEDEN_{name.upper()}: write a number, 0 or more.")
        return self

    @model_validator(mode="after")
    def _nothing_in_clear(self) -> Self:
        for name, field in type(self).model_fields.items():
            value = getattr(self, name)
            address = value.get_secret_value() if isinstance(value, SecretStr) else value
            if isinstance(address, str) and "://" in address and SHOWN not in field.metadata:
                refuse_plain(f"VERMOEDEN_{name.upper()}", address)
                if is_encrypted(address) and self.tls_ca_file is None:
                    raise ValueError(
                        f"VERMOEDEN_TLS_CA_FILE: needed to know who answers at VERMOEDEN_{name.upper()}."
                    )
        return self


def _sentence(fault: ErrorDetails) -> str:
    name = "_".join(str(part) for part in fault["loc"]).upper()
    told = fault["msg"].removeprefix("Value error, ")
    return f"VERMOEDEN_{name}: {told}." if name else told
