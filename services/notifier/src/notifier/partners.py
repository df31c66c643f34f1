"""The command line for partner queues: ``provide-partner`` and ``revoke-partner``."""

import argparse
import asyncio
import os
import re
import secrets
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import quote, urlsplit

from common.addresses import PlainAddress, refuse_plain
from common.messaging.administration import BrokerAdministration
from common.tls import FILES, NoCertificate, Tls

_CODE = re.compile(r"[a-z0-9][a-z0-9_-]{0,63}")
_NEEDED = {
    "VERMOEDEN_BROKER_MANAGEMENT_URL": "the address of RabbitMQ's management API",
    "VERMOEDEN_BROKER_ADMIN_USER": "a user with the tag administrator",
    "VERMOEDEN_BROKER_ADMIN_PASSWORD": "that user's password",
    "VERMOEDEN_PARTNER_BROKER_URL": "the broker's address as partners reach it: amqps://host:port/vhost",
}


def run_partners(argv: Sequence[str]) -> None:
    """Give a partner agency its own user and queue, or take the user away; errors read as one sentence."""
    arguments = _parser().parse_args(argv)
    missing = [f"{name} ({what})" for name, what in _NEEDED.items() if not os.environ.get(name)]
    if missing:
        raise SystemExit("Set these variables first: " + "; ".join(missing) + ".")
    for name in ("municipality", "partner"):
        if not _CODE.fullmatch(getattr(arguments, name)):
            raise SystemExit(f"--{name}: use lower-case letters, digits and dashes, as the gateway has it.")
    try:
        asyncio.run(_run(arguments))
    except (PlainAddress, NoCertificate) as error:
        raise SystemExit(str(error)) from error
    except (OSError, RuntimeError, TimeoutError) as error:
        raise SystemExit(f"The broker could not be changed: {error or type(error).__name__}.") from error


async def _run(arguments: argparse.Namespace) -> None:
    refuse_plain("VERMOEDEN_PARTNER_BROKER_URL", os.environ["VERMOEDEN_PARTNER_BROKER_URL"])
    url = urlsplit(os.environ["VERMOEDEN_PARTNER_BROKER_URL"])
    administration = BrokerAdministration(
        os.environ["VERMOEDEN_BROKER_MANAGEMENT_URL"],
        os.environ["VERMOEDEN_BROKER_ADMIN_USER"],
        os.environ["VERMOEDEN_BROKER_ADMIN_PASSWORD"],
        vhost=url.path.removeprefix("/") or "/",
        tls=Tls(_authority()),
    )
    municipality, partner = arguments.municipality, arguments.partner
    async with administration:
        if arguments.command == "revoke-partner":
            await administration.revoke_partner(municipality, partner)
            print(f"{partner} can no longer reach its queue; what is in it stays.")
            return
        password = secrets.token_urlsafe(24)
        queue = await administration.provide_partner(municipality, partner, password)
    host = f"{url.hostname}:{url.port}" if url.port else url.hostname
    print(f"queue     {queue}")
    print(f"address   {url.scheme}://{quote(queue)}:{password}@{host}{url.path}")
    print("The password is shown once. Running this again makes a new one.")


def _authority() -> Path | None:
    """Who is trusted: as the running service has it."""
    given = os.environ.get("VERMOEDEN_TLS_CA_FILE")
    beside = Path(os.environ.get("VERMOEDEN_SECRETS_FOLDER", "/run/secrets")) / FILES["ca"]
    return Path(given) if given else beside if beside.is_file() else None


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m notifier", description="queues of partner agencies on the broker"
    )
    commands = parser.add_subparsers(dest="command", required=True)
    for name, what in (
        ("provide-partner", "give a partner its user and queue; again: a new password"),
        ("revoke-partner", "take a partner's user away"),
    ):
        command = commands.add_parser(name, help=what, description=what)
        command.add_argument("--municipality", required=True, help="its code, as in waterdam")
        command.add_argument("--partner", required=True, help="the partner's code, as in politie")
    return parser
