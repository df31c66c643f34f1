"""Which addresses may be spoken to in clear: those on this machine, and no other."""

from ipaddress import ip_address
from typing import Final
from urllib.parse import SplitResult, parse_qs, urlsplit

from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError

#: Marks a setting (`Annotated[str, SHOWN]`) with an address that people follow and no process of ours calls.
SHOWN: Final = "an address to show"

_ENCRYPTED = {"http": "https", "amqp": "amqps"}
_DATABASES = frozenset({"postgresql", "postgres"})
_HERE = "is for this machine only (127.0.0.1, ::1, localhost)"
_NAME = "and the name that stands in the server's certificate"


class PlainAddress(ValueError):
    """An address would be spoken to in clear, or without knowing who answers."""


def is_local(host: str) -> bool:
    """Whether what is sent there stays on this machine: loopback, `localhost`, or a path (a socket)."""
    if host.startswith("/") or host.lower() == "localhost":
        return True
    try:
        return ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def is_encrypted(address: str) -> bool:
    """Whether an address asks for TLS with a server that proves its name."""
    parts = urlsplit(address)
    if parts.scheme in _DATABASES:
        return parse_qs(parts.query).get("sslmode") == ["verify-full"]
    return parts.scheme in _ENCRYPTED.values()


def refuse_plain(name: str, address: str) -> None:
    """Raise `PlainAddress` when an address beyond this machine is not of TLS; tells what to write instead.

    `name` is the setting's; neither host nor password stands in the error.
    """
    parts = urlsplit(address)
    if parts.scheme in _DATABASES:
        _refuse_two_readings(name, address, parts)
        _refuse_plain_database(name, parts)
    elif parts.scheme in _ENCRYPTED:
        if not is_local(parts.hostname or ""):
            better = _ENCRYPTED[parts.scheme]
            raise PlainAddress(f"{name}: {parts.scheme}:// {_HERE}. Write {better}:// {_NAME}.")
    elif parts.scheme not in _ENCRYPTED.values():
        raise PlainAddress(f"{name}: this kind of address is not known; write postgresql, amqps or https.")


def _refuse_two_readings(name: str, address: str, parts: SplitResult) -> None:
    """Some of what reads addresses of databases ends a part of them at another sign than the others do."""
    try:
        read = make_url(address)
    except (ArgumentError, ValueError):
        read = None
    if read is None or "#" in address or f"/{read.database or ''}" != (parts.path or "/"):
        raise PlainAddress(f"{name}: within a name or password write / ? # @ : as %2F %3F %23 %40 %3A.")


def _refuse_plain_database(name: str, parts: SplitResult) -> None:
    query = parse_qs(parts.query, keep_blank_values=True)
    modes = query.get("sslmode", ["disable"])
    if modes == ["verify-full"]:
        return
    if modes != ["disable"]:
        raise PlainAddress(f"{name}: this sslmode does not verify. Write ?sslmode=verify-full {_NAME}.")
    hosts = [each for value in query.get("host", ()) for each in value.split(",")]
    hosts += [_host(each) for each in parts.netloc.rpartition("@")[2].split(",") if each]
    if not hosts or "service" in query:
        raise PlainAddress(f"{name}: write the server's name in the address, and ?sslmode=verify-full.")
    if not all(is_local(host) for host in hosts):
        raise PlainAddress(f"{name}: a database in clear {_HERE}. Write ?sslmode=verify-full {_NAME}.")


def _host(place: str) -> str:
    return place.partition("]")[0].strip("[") if place.startswith("[") else place.partition(":")[0]
