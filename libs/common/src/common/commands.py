"""The command line that every service shares: serve, migrate, and the waiting room."""

import argparse
import asyncio
from collections.abc import Awaitable, Callable, Sequence

from common.db import Database
from common.log import configure_logging
from common.messaging.broker import broker_user
from common.messaging.waiting_list import WaitingList, WaitingMessage
from common.readable import shown
from common.runtime import run
from common.settings import ServiceSettings

_LISTED = 200  # messages that one listing shows


def main(
    service: str,
    settings_type: type[ServiceSettings],
    serve: Callable[[ServiceSettings], Awaitable[None]],
    argv: Sequence[str] | None = None,
) -> None:
    """Run ``python -m <service> COMMAND``; errors read as one sentence."""
    arguments = _parser(service).parse_args(argv)
    settings = settings_type.from_environment()
    if arguments.command == "serve":
        _require_own_user(service, settings)
        configure_logging(service, settings.log_level)
        run(lambda: serve(settings))
    elif arguments.command == "migrate":
        from common.migration import migrate  # noqa: PLC0415 -- a serving process needs no Alembic

        if settings.database_owner_url is None:
            raise SystemExit("VERMOEDEN_DATABASE_OWNER_URL is not set; migrating needs the owner's role.")
        migrate(service, settings.database_owner_url.get_secret_value(), settings.tls)
        print(f"{service}: the database is at the newest version.")
    else:
        asyncio.run(_waiting(settings, arguments))


def _parser(service: str) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog=f"python -m {service}")
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("serve", help="run the service until it is told to stop")
    commands.add_parser("migrate", help="bring the database to the newest version")
    waiting = commands.add_parser("waiting", help="list, replay or discard messages that failed")
    waiting.add_argument("action", choices=("list", "replay", "discard"))
    waiting.add_argument("--municipality", help="only this municipality's messages")
    waiting.add_argument("--id", type=int, action="append", dest="ids", help="only this message (repeatable)")
    waiting.add_argument(
        "--vouch",
        action="store_true",
        help="with replay and --id: you know that their speakers sent these, whatever the broker says",
    )
    waiting.add_argument("--parked", action="store_true", help="list parked messages only")
    return parser


async def _waiting(settings: ServiceSettings, arguments: argparse.Namespace) -> None:
    database = Database.from_settings(settings)
    room = WaitingList(database)
    try:
        if arguments.action == "list":
            found = await room.listed(
                municipality=arguments.municipality, parked_only=arguments.parked, limit=_LISTED + 1
            )
            messages = found[:_LISTED]
            for each in messages:
                print(_row(each))
            more = " shown; there are more. Replay or discard these, or ask for one municipality."
            print(f"{len(messages)} message(s){more if len(found) > _LISTED else '.'}")
        else:
            if arguments.vouch:
                await _vouch(room, arguments)
            change = room.replay if arguments.action == "replay" else room.discard
            chosen = {"municipality": arguments.municipality, "ids": arguments.ids}
            print(f"{arguments.action}: {await change(**chosen)} parked message(s).")
            if arguments.action == "replay" and (count := await room.left_out(**chosen)):
                print(f"{count} stay parked: nobody vouches for them. See `waiting list`.")
    finally:
        await database.close()


def _row(message: WaitingMessage) -> str:
    """A message on one line; what others wrote can begin no other, and hides nothing."""
    state = "parked" if message.parked_at else f"due {message.due_at:%Y-%m-%d %H:%M:%S}"
    sender = f"from {message.spoken_by or 'nobody'}{'' if message.is_vouched_for else ', NOT VOUCHED FOR'}"
    told = (message.type, sender, message.municipality, f"attempt {message.attempt}", state, message.error)
    return "\t".join((str(message.id), *(shown(str(each)) for each in told)))


async def _vouch(room: WaitingList, arguments: argparse.Namespace) -> None:
    if arguments.action != "replay" or not arguments.ids:
        raise SystemExit("--vouch goes with `replay` and an --id for each message that you vouch for.")
    await room.vouch(arguments.ids)


def _require_own_user(service: str, settings: ServiceSettings) -> None:
    """Hearers believe a fact only from the user of its speaker: with another user nothing would be heard."""
    user = broker_user(settings.broker_url.get_secret_value())
    if user != service:
        raise SystemExit(
            f"VERMOEDEN_BROKER_URL has the user «{user}»; {service} must have its own, «{service}»."
        )
