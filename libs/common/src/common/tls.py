"""TLS of one process: whom it trusts, the certificate that it shows, and how long both are valid."""

import asyncio
import ssl
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

from cryptography import x509

from common.log import get_logger
from common.metrics import CERTIFICATE_ENDS
from common.pauses import pause

#: Names of the files in a folder of secrets, as in a Kubernetes Secret of certificates.
FILES: Mapping[str, str] = {"ca": "ca.crt", "certificate": "tls.crt", "key": "tls.key"}

_LOOK_SECONDS = 30.0
_WARN_DAYS = 30

log = get_logger()


class NoCertificate(ValueError):
    """TLS is asked for and a file for it is not there; the sentence names the setting."""


class Tls:
    """Makes contexts from one set of files; every one verifies, speaks TLS 1.2 or 1.3, and can be renewed.

    As a part of a process it reads files that changed, so that new connections use a renewed certificate
    without a restart; an authority that is no longer in the file is trusted until then.
    """

    name = "certificates"
    is_background = True

    def __init__(
        self, ca: Path | None = None, certificate: Path | None = None, key: Path | None = None
    ) -> None:
        self._ca, self._certificate, self._key = ca, certificate, key
        self._showing: list[ssl.SSLContext] = []
        self._trusting: list[ssl.SSLContext] = []
        self._seen = self._stamp()
        self._trouble: str | None = None
        self._warned: dict[str, int] = {}

    @property
    def has_files(self) -> bool:
        """Whether there is anything to look after."""
        return self._ca is not None or self._certificate is not None

    @property
    def has_certificate(self) -> bool:
        """Whether this process has a certificate to show."""
        return self._certificate is not None

    @property
    def trouble(self) -> str | None:
        """Which certificate is not valid any more, or cannot be read; None while all is well."""
        return self._trouble

    def client(self, *, shows: bool = False) -> ssl.SSLContext:
        """For calls: the server must prove its name by our authority. `shows`: we prove ours, too.

        Raises `NoCertificate` where a file is not given.
        """
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)  # verifies certificate and name
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        self._trust(context)
        if shows:
            self._show(context)
        return context

    def outside(self) -> ssl.SSLContext:
        """For calls to a server of somebody else: this machine's public authorities count, and ours."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        context.load_default_certs()
        if self._ca is not None:
            self._trust(context)
        return context

    def server(self, *, asks: bool) -> ssl.SSLContext:
        """For answers: shows our certificate. `asks`: who calls must show one of our authority, too."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        self._show(context)
        if asks:
            context.verify_mode = ssl.CERT_REQUIRED
            self._trust(context)
        return context

    async def run(self, stopping: asyncio.Event) -> None:
        """Look at the files every half minute, until told to stop."""
        while not stopping.is_set():
            self.look()
            await pause(stopping, _LOOK_SECONDS)

    def look(self) -> None:
        """Read files that changed and say how long they are valid; what cannot be used is told as trouble."""
        stamp = self._stamp()
        try:
            if stamp != self._seen:
                self._renew()
                self._seen = stamp
                log.info("certificates.renewed")
            self._measure()
        except (OSError, ValueError) as error:  # an SSLError is an OSError; half a pair comes whole next time
            self._trouble = f"a certificate cannot be used: {type(error).__name__}"
            log.warning("certificates.unusable", error=type(error).__name__)

    def _measure(self) -> None:
        now = datetime.now(UTC)
        over = []
        for kind, file in (("authority", self._ca), ("own", self._certificate)):
            if file is None:
                continue
            ends = min(
                each.not_valid_after_utc for each in x509.load_pem_x509_certificates(file.read_bytes())
            )
            CERTIFICATE_ENDS.labels(kind).set(ends.timestamp())
            if ends < now:
                over.append(kind)
            elif (ends - now).days < _WARN_DAYS and self._warned.get(kind) != (ends - now).days:
                self._warned[kind] = (ends - now).days  # once a day
                log.warning("certificates.end_soon", certificate=kind, days=(ends - now).days)
        self._trouble = f"no longer valid: {', '.join(over)}" if over else None

    def _renew(self) -> None:
        if self._showing:
            self._load(ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER))  # half a pair must not reach those in use
        for context in self._showing:
            self._load(context)
        for context in self._trusting:
            context.load_verify_locations(cafile=self._ca)

    def _trust(self, context: ssl.SSLContext) -> None:
        if self._ca is None:
            raise NoCertificate("VERMOEDEN_TLS_CA_FILE: TLS needs the authorities to trust, as a PEM file.")
        context.load_verify_locations(cafile=self._ca)
        self._trusting.append(context)

    def _show(self, context: ssl.SSLContext) -> None:
        self._load(context)
        self._showing.append(context)

    def _load(self, context: ssl.SSLContext) -> None:
        if self._certificate is None or self._key is None:
            raise NoCertificate(
                "VERMOEDEN_TLS_CERTIFICATE_FILE and VERMOEDEN_TLS_KEY_FILE: this process needs a certificate"
                " of its own and its private key, as PEM files."
            )
        context.load_cert_chain(self._certificate, self._key)

    def _stamp(self) -> tuple[int, ...]:
        """Something that differs when a file was written or replaced."""
        return tuple(
            file.stat().st_mtime_ns if file is not None and file.exists() else 0
            for file in (self._ca, self._certificate, self._key)
        )
