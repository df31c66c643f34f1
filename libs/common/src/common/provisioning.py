"""``python -m common.provisioning``: make secrets, change them, and make what they name on the servers.

One folder holds a file per secret, named as its setting in lower case:

    setup/admin/     addresses of PostgreSQL and RabbitMQ's management API with an administrator's rights
    setup/keys/      key pairs whose halves different services hold
    setup/<service>/ what migrating needs: the service's secrets and its owner's database address
    <service>/       what the running service needs, and nothing else
    postgres/ rabbitmq/   the administrators' passwords, for servers that start empty, and their certificates
    authority/       the key that signs certificates (`common.authority`); no service sees it
"""

import argparse
import asyncio
import secrets
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote, urlsplit

import aiohttp
import asyncpg

from common.addresses import PlainAddress, is_local
from common.authority import (
    forget_misnamed,
    make_certificates,
    owner_names,
    renew_certificates,
    rotate_authority,
)
from common.flow import SERVICES
from common.key_pairs import key_material, rotate_identity, rotate_voucher
from common.messaging.administration import BrokerAdministration
from common.provision import RolePasswords, provide_database
from common.secret_files import read as _read
from common.secret_files import replace as _replace
from common.secret_files import write as _write
from common.tls import FILES, NoCertificate, Tls

_ADMIN = "vermoeden_admin"
_ROLES = ("owner", "web", "flow")
_HOLDS = {  # which service holds which half, beside the keys that verify the gateway's signature
    "gateway": ("vermoeden_identity_private_key", "vermoeden_identity_kid", "vermoeden_voucher_keys"),
    "intake": ("vermoeden_notifier_public_key", "vermoeden_voucher_private_key", "vermoeden_voucher_kid"),
    "notifier": ("vermoeden_notifier_private_key",),
}


@dataclass(frozen=True)
class Servers:
    """Where the servers are, each as `host:port`, and whether they are spoken to over TLS."""

    postgres: str
    broker: str
    management: str
    is_tls: bool

    @property
    def names(self) -> dict[str, tuple[str, ...]]:
        """The host names that the servers' certificates hold."""
        return {
            "postgres": (_host(self.postgres),),
            "rabbitmq": (_host(self.broker), _host(self.management)),
        }

    def database(self, user: str, password: str, name: str) -> str:
        """The address of a role's database."""
        query = "?sslmode=verify-full" if self.is_tls else ""
        return f"postgresql://{user}:{password}@{self.postgres}/{name}{query}"

    def broker_address(self, user: str, password: str) -> str:
        """The address of a user of the broker."""
        return f"amqp{'s' if self.is_tls else ''}://{user}:{password}@{self.broker}/"

    def management_address(self, user: str, password: str) -> str:
        """The address of the broker's management API."""
        return f"http{'s' if self.is_tls else ''}://{user}:{password}@{self.management}"


def servers_at(*, postgres: str, broker: str, management: str, tls: bool | None = None) -> Servers:
    """The servers; spoken to over TLS unless all are on this machine (`tls` decides when given)."""
    are_local = all(is_local(_host(each)) for each in (postgres, broker, management))
    return Servers(postgres, broker, management, not are_local if tls is None else tls)


def make_secrets(
    folder: Path,
    *,
    postgres: str,
    broker: str,
    management: str,
    tls: bool | None = None,
    also: tuple[str, ...] = (),
) -> int:
    """Write every secret that is not there yet; returns how many files were written. Safe to repeat.

    The servers are `host:port`. With TLS (where they are elsewhere, or `tls` says so) each service and server
    gets a certificate of the installation's own authority, for its name and those in `also`. Existing files
    are never changed; `renew_passwords`, `rotate_identity` and `common.authority` do that.
    """
    servers = servers_at(postgres=postgres, broker=broker, management=management, tls=tls)
    passwords = {name: _kept(folder / name / "password") for name in ("postgres", "rabbitmq")}
    files: dict[str, str] = {f"{name}/password": password for name, password in passwords.items()}
    files["setup/admin/vermoeden_admin_database_url"] = servers.database(
        _ADMIN, passwords["postgres"], "postgres"
    )
    files["setup/admin/vermoeden_admin_management_url"] = servers.management_address(
        _ADMIN, passwords["rabbitmq"]
    )
    keys = key_material(folder / "setup/keys")
    files |= {f"setup/keys/{name}": value for name, value in keys.items()}
    for service in SERVICES:
        holds = ("vermoeden_identity_keys", *_HOLDS.get(service, ()))
        made = {**_service_secrets(service, servers), **{name: keys[name] for name in holds}}
        files |= {f"setup/{service}/{name}": value for name, value in made.items()}
    written = sum(_write(folder / name, value) for name, value in files.items())
    for service in SERVICES:
        for file in sorted((folder / "setup" / service).iterdir()):
            if file.name not in ("vermoeden_database_owner_url", FILES["ca"]):
                written += _write(folder / service / file.name, file.read_text(encoding="utf-8"))
    if servers.is_tls:
        written += make_certificates(folder, owner_names(servers.names, also))
    return written


def readdress(folder: Path, servers: Servers, also: tuple[str, ...] = ()) -> None:
    """Let every address name these servers, over TLS where they say so; users, passwords and names stay.

    For an installation that was made in clear, and for servers that move. Certificates that are missing, or
    that lack a name, are made anew.
    """
    for place in ("setup/admin", *(f"{kind}{service}" for kind in ("setup/", "") for service in SERVICES)):
        for file in sorted((folder / place).glob("vermoeden_*_url")):
            old = urlsplit(_read(file))
            user, password = old.username or "", old.password or ""
            if old.scheme == "postgresql":
                fresh = servers.database(user, password, old.path.lstrip("/"))
            elif file.name == "vermoeden_broker_url":
                fresh = servers.broker_address(user, password).removesuffix("/") + (old.path or "/")
            else:
                fresh = servers.management_address(user, password)
            _replace(file, fresh)
    if servers.is_tls:
        names = owner_names(servers.names, also)
        forget_misnamed(folder, names)
        make_certificates(folder, names)


def renew_passwords(folder: Path, service: str) -> None:
    """Give a service new passwords for its database roles and the broker; hosts and names stay.

    They count on the servers after `apply_secrets`; the service needs them from then on.
    """
    for name in (*(f"vermoeden_database_{role}_url" for role in _ROLES), "vermoeden_broker_url"):
        address = urlsplit(_read(folder / "setup" / service / name))
        host = address.netloc.rpartition("@")[2]
        renewed = address._replace(netloc=f"{address.username}:{_password()}@{host}").geturl()
        for place in (folder / "setup" / service, folder / service):
            if (place / name).exists():
                _replace(place / name, renewed)


async def apply_secrets(folder: Path, *, patience_seconds: float = 120) -> None:
    """Make databases, roles and broker users as the files name them; waits for servers that start.

    Safe to repeat: a password that changed in a file is set anew on the server.
    """
    admin = {
        kind: _read(folder / f"setup/admin/vermoeden_admin_{kind}_url") for kind in ("database", "management")
    }
    authority = folder / "setup/admin" / FILES["ca"]
    tls = Tls(authority if authority.exists() else None)
    try:
        await _patiently(lambda: _provide_databases(folder, admin["database"], tls), patience_seconds)
        await _patiently(lambda: _provide_broker(folder, admin["management"], tls), patience_seconds)
    except (PlainAddress, NoCertificate) as error:
        raise SystemExit(f"{error} (in {folder / 'setup/admin'})") from error


async def _provide_databases(folder: Path, admin_url: str, tls: Tls) -> None:
    for service in SERVICES:
        addresses = {
            role: urlsplit(_read(folder / f"setup/{service}/vermoeden_database_{role}_url"))
            for role in _ROLES
        }
        for role, address in addresses.items():
            if address.username != f"{service}_{role}" or not address.password:
                raise SystemExit(f"{service}: the {role} address must have the user {service}_{role}.")
        names = {address.path.lstrip("/") for address in addresses.values()}
        if len(names) != 1:
            raise SystemExit(f"{service}: its three addresses name different databases.")
        passwords = RolePasswords(**{role: unquote(each.password or "") for role, each in addresses.items()})
        await provide_database(
            admin_url, service, passwords, database=names.pop(), tls=tls, sharers=len(SERVICES)
        )


async def _provide_broker(folder: Path, management_url: str, tls: Tls) -> None:
    passwords: dict[str, str] = {}
    vhosts: set[str] = set()
    for service in SERVICES:
        address = urlsplit(_read(folder / f"setup/{service}/vermoeden_broker_url"))
        if address.username != service or not address.password:
            raise SystemExit(f"{service}: the broker address must have the user {service}.")
        passwords[service] = unquote(address.password)
        vhosts.add(unquote(address.path.removeprefix("/")) or "/")
    if len(vhosts) != 1:
        raise SystemExit("The services' broker addresses name different virtual hosts.")
    admin = urlsplit(management_url)
    base = f"{admin.scheme}://{admin.hostname}" + (f":{admin.port}" if admin.port else "")
    user, password = unquote(admin.username or ""), unquote(admin.password or "")
    async with BrokerAdministration(base, user, password, vhost=vhosts.pop(), tls=tls) as administration:
        removed = await administration.set_up(passwords)
        unmoved = await administration.partners.unmoved()
    for name in unmoved:
        print(f"{name} still reaches into the services' virtual host: run `provide-partner` for it.")
    if removed:
        print(f"{removed} binding(s) that no service has use for were removed: find out who made them.")


async def _patiently(action: Callable[[], Awaitable[None]], seconds: float) -> None:
    """Try until the server answers; its last refusal is raised when the time is over."""
    until = asyncio.get_running_loop().time() + seconds
    while True:
        try:
            return await action()
        except (OSError, TimeoutError, asyncpg.CannotConnectNowError, aiohttp.ClientConnectionError):
            if asyncio.get_running_loop().time() > until:
                raise
        await asyncio.sleep(1)


def _service_secrets(service: str, servers: Servers) -> dict[str, str]:
    databases = {
        f"vermoeden_database_{role}_url": servers.database(f"{service}_{role}", _password(), service)
        for role in _ROLES
    }
    return {**databases, "vermoeden_broker_url": servers.broker_address(service, _password())}


def _host(place: str) -> str:
    return urlsplit(f"//{place}").hostname or ""


def _password() -> str:
    return secrets.token_urlsafe(24)


def _kept(file: Path) -> str:
    return _read(file) if file.exists() else _password()


def main() -> None:
    """Run one command."""
    parser = argparse.ArgumentParser(prog="python -m common.provisioning")
    commands = parser.add_subparsers(dest="command", required=True)
    make = commands.add_parser("secrets", help="write every secret that is not there yet")
    move = commands.add_parser("readdress", help="let every address name these servers, over TLS")
    for each in (make, move):
        each.add_argument("--postgres", default="postgres:5432", help="host:port")
        each.add_argument("--broker", default="rabbitmq:5671", help="host:port of AMQP over TLS")
        each.add_argument("--management", default="rabbitmq:15671", help="host:port of the management API")
        each.add_argument("--also", action="append", default=[], help="one more name in each certificate")
    apply = commands.add_parser(
        "apply", help="make databases, roles and broker users as the secrets name them"
    )
    apply.add_argument("--patience", type=float, default=120, help="seconds to wait for servers that start")
    rotate = commands.add_parser("rotate-identity", help="replace the key that the gateway signs with")
    rotate.add_argument("step", choices=("announce", "switch", "finish"))
    voucher = commands.add_parser("rotate-voucher", help="replace the key with which intake vouches")
    voucher.add_argument("step", choices=("announce", "switch"))
    renew = commands.add_parser("renew", help="give a service new passwords; then apply, then start it anew")
    renew.add_argument("service", choices=SERVICES)
    fresh = commands.add_parser("renew-certificates", help="a new certificate for every service and server")
    authority = commands.add_parser("rotate-authority", help="replace the authority that signs them")
    authority.add_argument("step", choices=("announce", "switch", "finish"))
    for each in (make, move, apply, rotate, voucher, renew, fresh, authority):
        each.add_argument("folder", type=Path)
    print(_run(parser.parse_args()))


def _run(arguments: argparse.Namespace) -> str:
    folder: Path = arguments.folder
    if arguments.command in ("secrets", "readdress"):
        where = {name: getattr(arguments, name) for name in ("postgres", "broker", "management")}
        also = tuple(arguments.also)
        if arguments.command == "secrets":
            return f"{make_secrets(folder, **where, also=also)} secret(s) written; the others were there."
        readdress(folder, servers_at(**where), also)
        return "Every address names these servers now: start the servers, then every service anew."
    if arguments.command == "rotate-identity":
        return rotate_identity(folder, arguments.step)
    if arguments.command == "rotate-voucher":
        return rotate_voucher(folder, arguments.step)
    if arguments.command == "renew":
        renew_passwords(folder, arguments.service)
        return f"{arguments.service} has new passwords: run `apply`, then start {arguments.service} anew."
    if arguments.command == "renew-certificates":
        return renew_certificates(folder)
    if arguments.command == "rotate-authority":
        return rotate_authority(folder, arguments.step)
    asyncio.run(apply_secrets(folder, patience_seconds=arguments.patience))
    return f"Databases and broker users are there for {', '.join(SERVICES)}."


if __name__ == "__main__":
    main()
