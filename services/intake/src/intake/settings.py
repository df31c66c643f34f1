"""Intake's own settings."""

from dataclasses import dataclass
from pathlib import Path
from typing import Self

from common.addresses import is_local
from common.settings import ServiceSettings
from common.vouching import Signing
from pydantic import SecretStr, model_validator


@dataclass(frozen=True)
class OwnKey:
    """The key with which this service vouches for reporters' keys, and for its own pins."""

    key_id: str
    signing: Signing


class IntakeSettings(ServiceSettings):
    """Settings of the intake process."""

    notifier_public_key: str  # base64url X25519; addresses for notices are sealed to it
    voucher_private_key: SecretStr  # base64url Ed25519; with it intake vouches for reporters' keys
    voucher_kid: str = "v1"  # the id under which the gateway knows the public half
    signers: dict[str, str] | None = None  # municipality → its signer, base64url; set, only these are let in
    writer_queue_size: int = 512  # reports waiting for a group commit; full means 503
    writer_batch: int = 64  # reports in one group commit
    writer_count: int = 2  # group commits at the same time
    files_folder: Path = Path("/var/lib/vermoeden/files")  # sealed files; shared by all replicas
    files_max_count: int = 10  # with one report, unless the municipality says otherwise
    files_max_photo_mib: int = 20  # likewise
    files_max_pdf_mib: int = 25  # likewise
    # Of these two, who signed in or has an API key finds a third as much again, for them alone.
    files_arriving_at_once: int = 64  # files that come in together; over it the slow give way, then 503
    files_at_once: int = 16  # files that came in and are cleaned, or wait for it; more means 503
    files_body_seconds: float = 300  # a file must be in within this time
    files_unclaimed_limit: int = 500  # anonymous files of one municipality that wait; more means 429
    files_workers: int = 2  # cleaning processes at work together
    files_workers_of_known: int = 1  # beside those, for files of who signed in or has an API key
    files_worker_memory_mib: int = 768  # address space of each; more means that the file is refused
    files_worker_seconds: float = 20  # for one file
    files_sweep_seconds: float = 300  # between two rounds
    invitations_rewrite_seconds: float = 300  # about so long rows tell which report came with which code
    clamav_address: str | None = None  # unix:/path, tls:host:port or (this machine) host:port; away means 503
    clamav_seconds: float = 30  # for one file

    @property
    def own_key(self) -> OwnKey:
        """The key with which this service vouches."""
        return OwnKey(self.voucher_kid, Signing(self.voucher_private_key.get_secret_value()))

    @model_validator(mode="after")
    def _no_file_in_clear(self) -> Self:
        kind, _, _ = (self.clamav_address or "unix:").partition(":")
        if kind == "tls":
            if self.tls_ca_file is None:
                raise ValueError(
                    "VERMOEDEN_TLS_CA_FILE: needed to know who answers at VERMOEDEN_CLAMAV_ADDRESS."
                )
        elif kind != "unix" and not is_local((self.clamav_address or "").rpartition(":")[0]):
            raise ValueError(
                "VERMOEDEN_CLAMAV_ADDRESS: files go in clear to a scanner on this machine only. Write"
                " unix:/path of a socket, or tls:host:port of a proxy that speaks TLS in front of it."
            )
        return self
