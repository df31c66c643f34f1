"""Who may call a service over TLS: only a process whose certificate holds one of these names."""

import asyncio
import ssl
from collections.abc import Mapping

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from common.log import get_logger

log = get_logger()


def only_from(names: tuple[str, ...]) -> type[HttpToolsProtocol]:
    """The HTTP protocol for uvicorn that hangs up on callers whose verified certificate bears another name.

    The context has verified the certificate before (`Tls.server(asks=True)`); an authority that also
    signs for others would else let all of them in.
    """

    class CallersOnly(HttpToolsProtocol):
        def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
            super().connection_made(transport)
            connection: ssl.SSLObject | None = transport.get_extra_info("ssl_object")
            shown = connection.getpeercert() if connection else None
            if not names_in(shown or {}) & set(names):
                log.warning("caller.refused")
                transport.abort()

    return CallersOnly


def names_in(certificate: Mapping[str, object]) -> set[str]:
    """The DNS names of a certificate as `ssl` tells of it (RFC 6125: not its common name)."""
    pairs = certificate.get("subjectAltName", ())
    assert isinstance(pairs, tuple)  # noqa: S101 -- as the standard library documents it
    return {value for kind, value in pairs if kind == "DNS"}
