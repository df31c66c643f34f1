"""The command line for partner queues: ``provide-partner``, ``list-partners`` and the like."""

import argparse
import asyncio
import os
import re
import secrets
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import NamedTuple
from urllib.parse import SplitResult, quote, unquote, urlsplit

from common.addresses import PlainAddress, refuse_plain
from common.messaging.administration import BrokerAdministration
from common.messaging.partners import Partners, PartnerStanding
from common.readable import shown
from common.tls import FILES, NoCertificate, Tls

_CODE = re.compile(r"[a-z0-9][a-z0-9_-]{0,63}")
_NEEDED = {
    "VERMOEDEN_BROKER_MANAGEMENT_URL": "the address of RabbitMQ's management API",
    "VERMOEDEN_BROKER_ADMIN_USER": "a user with the tag administrator",
    "VERMOEDEN_BROKER_ADMIN_PASSWORD": "that user's password",
    "VERMOEDEN_PARTNER_BROKER_URL": "the broker's address as partners reach it: amqps://host:port/vhost",
}


def run_partners(argv: Sequence[str]) -> None:
    """Run one of `COMMANDS`; errors read as one sentence."""
    arguments = _parser().parse_args(argv)
    missing = [f"{name} ({what})" for name, what in _NEEDED.items() if not os.environ.get(name)]
    if missing:
        raise SystemExit("Set these variables first: " + "; ".join(missing) + ".")
    for name in ("municipality", "partner") if COMMANDS[arguments.command].names_one else ():
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
        vhost=unquote(url.path.removeprefix("/")) or "/",
        tls=Tls(_authority()),
    )
    async with administration:
        await COMMANDS[arguments.command].run(administration.partners, arguments, url)


async def _provide(partners: Partners, arguments: argparse.Namespace, url: SplitResult) -> None:
    password = secrets.token_urlsafe(24)
    vhost, queue = await partners.provide(arguments.municipality, arguments.partner, password)
    host = f"{url.hostname}:{url.port}" if url.port else url.hostname
    print(f"queue     {queue}")
    print(f"address   {url.scheme}://{quote(queue)}:{password}@{host}/{quote(vhost, safe='')}")
    print("The password is shown once. Running this again makes a new one.")


async def _revoke(partners: Partners, arguments: argparse.Namespace, _url: SplitResult) -> None:
    await partners.revoke(arguments.municipality, arguments.partner)
    print(f"{arguments.partner} can no longer reach its queue; what is in it stays.")


async def _cut(partners: Partners, arguments: argparse.Namespace, _url: SplitResult) -> None:
    count = await partners.cut(arguments.municipality, arguments.partner)
    print(f"{count} connection(s) of {arguments.partner} ended; revoke it if it may not come again.")


async def _remove(partners: Partners, arguments: argparse.Namespace, _url: SplitResult) -> None:
    await partners.remove(arguments.municipality, arguments.partner)
    print(f"{arguments.partner} has nothing on the broker any more; what waited for it is gone.")


async def _list(partners: Partners, _arguments: argparse.Namespace, _url: SplitResult) -> None:
    """Exits with 1 when one of them does not get its offers, or holds up others."""
    standings = await partners.listed()
    rows = [
        (each.queue, each.shovel, str(each.on_the_way), str(each.waiting), _remark(each))
        for each in standings
    ]
    for row in (("partner", "shovel", "on the way", "waiting", ""), *rows):
        print("{:<48} {:<12} {:>10} {:>10}  {}".format(*map(shown, row)).rstrip())
    if any(each.has_user and not each.is_well for each in standings):
        raise SystemExit(1)


def _remark(standing: PartnerStanding) -> str:
    told = {
        "revoked": not standing.has_user,
        "full: the oldest go": standing.is_full,
        f"{standing.given_up} given up": bool(standing.given_up),
        "sends what it should not: cut it off": standing.is_sending,
    }
    return ", ".join(each for each, holds in told.items() if holds)


def _authority() -> Path | None:
    """Who is trusted: as the running service has it."""
    given = os.environ.get("VERMOEDEN_TLS_CA_FILE")
    beside = Path(os.environ.get("VERMOEDEN_SECRETS_FOLDER", "/run/secrets")) / FILES["ca"]
    return Path(given) if given else beside if beside.is_file() else None


class _Command(NamedTuple):
    help: str
    run: Callable[[Partners, argparse.Namespace, SplitResult], Awaitable[None]]
    names_one: bool = True


COMMANDS = {
    "provide-partner": _Command("give a partner its user and queue; again: a new password", _provide),
    "revoke-partner": _Command("take a partner's user away; what waits stays for its term", _revoke),
    "cut-partner": _Command("end a partner's connections; it may come again", _cut),
    "remove-partner": _Command("take away all that a partner has, and what waits for it", _remove),
    "list-partners": _Command(
        "which partners there are, and whether their offers come through", _list, False
    ),
}


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m notifier", description="queues of partner agencies on the broker"
    )
    commands = parser.add_subparsers(dest="command", required=True)
    for name, made in COMMANDS.items():
        command = commands.add_parser(name, help=made.help, description=made.help)
        if made.names_one:
            command.add_argument("--municipality", required=True, help="its code, as in waterdam")
            command.add_argument("--partner", required=True, help="the partner's code, as in politie")
    return parser
