"""``python -m common.provisioning``: make secrets, change them, and make what they name on the servers.

One folder holds a file per secret, named as its setting in lower case:

    setup/admin/     addresses of PostgreSQL and RabbitMQ's management API with an administrator's rights
    setup/keys/      key pairs whose halves different services hold
    setup/<service>/ what migrating needs: the service's secrets and its owner's database address
    <service>/       what the running service needs, and nothing else
    postgres/ rabbitmq/   the administrators' passwords, for servers that start empty
"""

import argparse
import asyncio
import json
import secrets
from collections.abc import Awaitable, Callable
from pathlib import Path
from urllib.parse import unquote, urlsplit

import aiohttp
import asyncpg

from common.auth import generate_identity_key
from common.flow import SERVICES
from common.messaging.administration import BrokerAdministration
from common.provision import RolePasswords, provide_database
from common.sealing import encode, generate_key_pair

_ADMIN = "vermoeden_admin"
_ROLES = ("owner", "web", "flow")
_HOLDS = {  # which service holds which half, beside the keys that verify the gateway's signature
    "gateway": ("vermoeden_identity_private_key", "vermoeden_identity_kid"),
    "intake": ("vermoeden_notifier_public_key",),
    "notifier": ("vermoeden_notifier_private_key",),
}


def make_secrets(folder: Path, *, postgres: str, broker: str, management: str) -> int:
    """Write every secret that is not there yet; returns how many files were written. Safe to repeat.

    The servers are `host:port`. Existing files are never changed; `renew_passwords` and
    `rotate_identity` do that.
    """
    passwords = {name: _kept(folder / name / "password") for name in ("postgres", "rabbitmq")}
    files: dict[str, str] = {f"{name}/password": password for name, password in passwords.items()}
    files["setup/admin/vermoeden_admin_database_url"] = (
        f"postgresql://{_ADMIN}:{passwords['postgres']}@{postgres}/postgres"
    )
    files["setup/admin/vermoeden_admin_management_url"] = (
        f"http://{_ADMIN}:{passwords['rabbitmq']}@{management}"
    )
    keys = _key_material(folder / "setup/keys")
    files |= {f"setup/keys/{name}": value for name, value in keys.items()}
    for service in SERVICES:
        holds = ("vermoeden_identity_keys", *_HOLDS.get(service, ()))
        made = {**_service_secrets(service, postgres, broker), **{name: keys[name] for name in holds}}
        files |= {f"setup/{service}/{name}": value for name, value in made.items()}
    written = sum(_write(folder / name, value) for name, value in files.items())
    for service in SERVICES:
        for file in sorted((folder / "setup" / service).iterdir()):
            if file.name != "vermoeden_database_owner_url":
                written += _write(folder / service / file.name, file.read_text(encoding="utf-8"))
    return written


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


def rotate_identity(folder: Path, step: str) -> str:
    """One step in replacing the key that the gateway signs with; returns what to do next.

    announce: services learn to trust a new key beside the old one. switch: the gateway signs with the new
    one. finish: the old one is trusted no longer. A step out of turn changes nothing (`SystemExit`).
    """
    keys = folder / "setup/keys"
    known: dict[str, str] = json.loads(_read(keys / "vermoeden_identity_keys"))
    current = _read(keys / "vermoeden_identity_kid")
    waiting = keys / "next_identity_private_key"
    due = "switch" if waiting.exists() else "finish" if len(known) > 1 else "announce"
    if step != due:
        raise SystemExit(f"The next step is `{due}`, not `{step}`.")
    if step == "announce":
        private, public = generate_identity_key()
        _write(waiting, encode(private))
        known[f"k{int(current.removeprefix('k')) + 1}"] = public
    elif step == "switch":
        kid = next(name for name in known if name != current)
        for place in (keys, folder / "setup/gateway", folder / "gateway"):
            _replace(place / "vermoeden_identity_private_key", _read(waiting))
            _replace(place / "vermoeden_identity_kid", kid)
        waiting.unlink()
        return "Start the gateway anew; when every replica runs with the new key: `finish`."
    else:
        known = {current: known[current]}
    for place in (keys, *(folder / kind / service for kind in ("setup", "") for service in SERVICES)):
        _replace(place / "vermoeden_identity_keys", json.dumps(known))
    after = "when each runs anew: `switch`" if step == "announce" else "the old key is then worthless"
    return f"Start every service anew; {after}."


async def apply_secrets(folder: Path, *, patience_seconds: float = 120) -> None:
    """Make databases, roles and broker users as the files name them; waits for servers that start.

    Safe to repeat: a password that changed in a file is set anew on the server.
    """
    admin = {
        kind: _read(folder / f"setup/admin/vermoeden_admin_{kind}_url") for kind in ("database", "management")
    }
    await _patiently(lambda: _provide_databases(folder, admin["database"]), patience_seconds)
    await _patiently(lambda: _provide_broker(folder, admin["management"]), patience_seconds)


async def _provide_databases(folder: Path, admin_url: str) -> None:
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
        await provide_database(admin_url, service, passwords, database=names.pop())


async def _provide_broker(folder: Path, management_url: str) -> None:
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
    async with BrokerAdministration(base, user, password, vhost=vhosts.pop()) as administration:
        removed = await administration.set_up(passwords)
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


def _service_secrets(service: str, postgres: str, broker: str) -> dict[str, str]:
    databases = {
        f"vermoeden_database_{role}_url": f"postgresql://{service}_{role}:{_password()}@{postgres}/{service}"
        for role in _ROLES
    }
    return {**databases, "vermoeden_broker_url": f"amqp://{service}:{_password()}@{broker}/"}


def _key_material(folder: Path) -> dict[str, str]:
    """The key pairs that are there, or fresh ones: both halves are made together or not at all."""
    private, public = generate_identity_key()
    notifier = generate_key_pair()
    made = {
        "vermoeden_identity_kid": "k1",
        "vermoeden_identity_keys": json.dumps({"k1": public}),
        "vermoeden_identity_private_key": encode(private),
        "vermoeden_notifier_private_key": encode(notifier.private),
        "vermoeden_notifier_public_key": encode(notifier.public),
    }
    return {name: _read(folder / name) for name in made} if folder.exists() else made


def _password() -> str:
    return secrets.token_urlsafe(24)


def _kept(file: Path) -> str:
    return _read(file) if file.exists() else _password()


def _read(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8").strip()
    except FileNotFoundError as error:
        raise SystemExit(f"{file} is missing; `python -m common.provisioning secrets` makes it.") from error


def _write(file: Path, value: str) -> bool:
    if file.exists():
        return False
    file.parent.mkdir(parents=True, exist_ok=True)
    file.touch(mode=0o600)
    file.write_text(value, encoding="utf-8")
    return True


def _replace(file: Path, value: str) -> None:
    """Put a whole new file in its place, so that nobody reads half a secret."""
    fresh = file.with_suffix(".new")
    fresh.unlink(missing_ok=True)
    _write(fresh, value)
    fresh.replace(file)


def main() -> None:
    """Run one command."""
    parser = argparse.ArgumentParser(prog="python -m common.provisioning")
    commands = parser.add_subparsers(dest="command", required=True)
    make = commands.add_parser("secrets", help="write every secret that is not there yet")
    make.add_argument("--postgres", default="postgres:5432", help="host:port")
    make.add_argument("--broker", default="rabbitmq:5672", help="host:port of AMQP")
    make.add_argument("--management", default="rabbitmq:15672", help="host:port of the management API")
    apply = commands.add_parser(
        "apply", help="make databases, roles and broker users as the secrets name them"
    )
    apply.add_argument("--patience", type=float, default=120, help="seconds to wait for servers that start")
    rotate = commands.add_parser("rotate-identity", help="replace the key that the gateway signs with")
    rotate.add_argument("step", choices=("announce", "switch", "finish"))
    renew = commands.add_parser("renew", help="give a service new passwords; then apply, then start it anew")
    renew.add_argument("service", choices=SERVICES)
    for each in (make, apply, rotate, renew):
        each.add_argument("folder", type=Path)
    print(_run(parser.parse_args()))


def _run(arguments: argparse.Namespace) -> str:
    folder: Path = arguments.folder
    if arguments.command == "secrets":
        servers = {name: getattr(arguments, name) for name in ("postgres", "broker", "management")}
        return f"{make_secrets(folder, **servers)} secret(s) written; the others were there."
    if arguments.command == "rotate-identity":
        return rotate_identity(folder, arguments.step)
    if arguments.command == "renew":
        renew_passwords(folder, arguments.service)
        return f"{arguments.service} has new passwords: run `apply`, then start {arguments.service} anew."
    asyncio.run(apply_secrets(folder, patience_seconds=arguments.patience))
    return f"Databases and broker users are there for {', '.join(SERVICES)}."


if __name__ == "__main__":
    main()
