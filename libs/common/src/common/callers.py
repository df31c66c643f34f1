"""Who may call a service over TLS: only a process whose certificate holds one of these names."""

import asyncio
import ssl
from collections.abc import Mapping


def names_of(transport: asyncio.Transport) -> set[str]:
    """The names in the verified certificate of whoever called; none where there is none.

    The context has verified the certificate before (`Tls.server(asks=True)`). An authority also signs for
    others, so a name must be asked for besides.
    """
    connection: ssl.SSLObject | None = transport.get_extra_info("ssl_object")
    return names_in((connection.getpeercert() if connection else None) or {})


def names_in(certificate: Mapping[str, object]) -> set[str]:
    """The DNS names of a certificate as `ssl` tells of it (RFC 6125: not its common name)."""
    pairs = certificate.get("subjectAltName", ())
    assert isinstance(pairs, tuple)  # noqa: S101 -- as the standard library documents it
    return {value for kind, value in pairs if kind == "DNS"}
