"""The gateway's command line: serve, migrate, waiting, and the state of municipalities."""

import argparse
import asyncio
import json
import sys
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import yaml
from common.commands import main as common_main
from common.contracts.codes import Role
from common.db import Database
from common.errors import AppError
from common.readable import shown
from pydantic import ValidationError

from gateway import actions, importing
from gateway.configuration import MunicipalityState, ProtectionsState
from gateway.main import serve
from gateway.passwords import Passwords
from gateway.settings import GatewaySettings
from gateway.signing import previous_in, signed, signing_in
from gateway.store import ListedKey

Command = Callable[[Database, argparse.Namespace], Awaitable[str]]


def main() -> None:
    """Run one command; what is wrong is told in sentences, and the exit code is then 1."""
    if sys.argv[1:2] == [_IMPORT]:  # needs the front door only: no database, and no settings
        raise SystemExit(importing.run(_parser().parse_args()))
    if sys.argv[1:2] == [_SIGN]:  # on a custodian's own machine: likewise
        print(_sign_keys(_parser().parse_args()), end="")
    elif len(sys.argv) > 1 and sys.argv[1] in _COMMANDS:
        arguments = _parser().parse_args()
        print(asyncio.run(_run(_COMMANDS[arguments.command], arguments)))
    elif sys.argv[1:] in ([], ["--help"], ["-h"]):
        print(
            f"Commands: serve, migrate, waiting, {', '.join(_COMMANDS)}, {_IMPORT}, {_SIGN}."
            " Each explains itself with --help."
        )
    else:
        common_main("gateway", GatewaySettings, serve)  # type: ignore[arg-type]


async def _run(command: Command, arguments: argparse.Namespace) -> str:
    database = Database.from_settings(GatewaySettings.from_environment())
    try:
        return await command(database, arguments)
    except AppError as error:
        faults = [f"  {each.pointer}: {each.message} ({each.message_en})" for each in error.errors]
        raise SystemExit("\n".join([f"{error.code}: {error.detail or error.title}", *faults])) from error
    finally:
        await database.close()


async def _configure(database: Database, arguments: argparse.Namespace) -> str:
    state = _read_state(arguments.file)
    done = await actions.configure_municipality(database, state)
    change = "configured" if done.is_changed else "unchanged"
    if state.text_in_clear and state.protections is None:
        _tell("Texts stay sealed: nobody signed that they may be in clear. Sign the file with `sign-keys`.")
    return f"{state.code}: {change}, version {done.version}."


def _sign_keys(arguments: argparse.Namespace) -> str:
    state = _read_state(arguments.file)
    previous = previous_in(arguments.previous) if arguments.previous else None
    try:
        done = signed(state, signing_in(arguments.signer), previous)
    except ValueError as error:
        raise SystemExit(str(error)) from error
    if done.protections:
        _tell(_signed_words(done.protections))
    _tell(f"For intake: VERMOEDEN_SIGNERS='{json.dumps({done.code: done.signers[-1].public_key})}'")
    document = done.model_dump(mode="json", by_alias=True, exclude_unset=True)
    return yaml.safe_dump(document, allow_unicode=True, sort_keys=False)


def _signed_words(signed: ProtectionsState) -> str:
    """What a custodian signed besides the keys, to look at."""
    texts = "may leave intake unsealed" if signed.text_in_clear else "stay sealed"
    named = signed.restricted_types
    types = "those of the software" if named is None else ", ".join(named) or "none"
    return f"Signed: anonymised texts {texts}; restricted types: {types}."


def _tell(what: str) -> None:
    """Beside the answer, which a shell may send to a file."""
    print(what, file=sys.stderr)


def _read_state(file: Path) -> MunicipalityState:
    try:
        content = yaml.safe_load(file.read_text(encoding="utf-8"))  # JSON is YAML too
        return MunicipalityState.model_validate(content)
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise SystemExit(f"{file} cannot be read: {type(error).__name__}.") from error
    except ValidationError as error:
        faults = [
            f"  /{'/'.join(str(part) for part in each['loc'])}: {each['msg']} ({each['type']})"
            for each in error.errors(include_input=False, include_url=False)
        ]
        raise SystemExit("\n".join([f"{file} does not describe a municipality:", *faults])) from error


async def _add_person(database: Database, arguments: argparse.Namespace) -> str:
    password = (await asyncio.to_thread(sys.stdin.readline)).rstrip("\n")
    passwords = Passwords()
    try:
        person = await actions.put_person(
            database,
            passwords,
            municipality=arguments.municipality,
            login=arguments.login,
            display_name=arguments.name,
            password=password,
            roles=arguments.role,
            departments=arguments.department,
            is_active=not arguments.closed,
        )
    finally:
        passwords.close()
    return f"{arguments.municipality}: person {person}."


async def _add_api_key(database: Database, arguments: argparse.Namespace) -> str:
    expires_at = datetime.now(UTC) + timedelta(days=arguments.days) if arguments.days else None
    return await actions.put_api_key(
        database,
        municipality=arguments.municipality,
        name=arguments.name,
        roles=arguments.role,
        purpose=arguments.purpose,
        departments=arguments.department,
        expires_at=expires_at,
        bounds=actions.KeyBounds(
            frozenset(arguments.signal_type) or None, arguments.reporter_kind, arguments.per_minute
        ),
    )


async def _list_api_keys(database: Database, arguments: argparse.Namespace) -> str:
    now = datetime.now(UTC)
    lines = [key_line(each, now) for each in await actions.list_api_keys(database, arguments.municipality)]
    return "\n".join([*lines, f"{len(lines)} key(s)."])


def key_line(listed: ListedKey, now: datetime) -> str:
    """One key on one line; nothing in it commands a terminal, whatever an administrator wrote as purpose."""
    key = listed.key
    state = "revoked" if key.revoked_at else "expired" if key.is_expired(now) else "alive"
    parts = (
        key.name,
        state,
        ",".join(sorted(key.roles)),
        f"types {','.join(sorted(key.signal_types)) if key.signal_types else 'all'}",
        f"until {key.expires_at:%Y-%m-%d}" if key.expires_at else "no end",
        f"last used {key.last_used_on or 'never'}",
        f"made by {listed.made_by or 'command'}",
        *([f"revoked by {listed.revoked_by or 'command'}"] if key.revoked_at else []),
        shown(listed.purpose),
    )
    return "\t".join(parts)


async def _revoke_api_key(database: Database, arguments: argparse.Namespace) -> str:
    await actions.revoke_api_key(database, arguments.municipality, arguments.name, datetime.now(UTC))
    return f"{arguments.municipality}: key {arguments.name} is revoked."


async def _republish(database: Database, _arguments: argparse.Namespace) -> str:
    codes = await actions.republish(database)
    return f"Spoken again: {', '.join(codes) or 'nothing'}."


_IMPORT = "import"
_SIGN = "sign-keys"
_COMMANDS: dict[str, Command] = {
    "configure": _configure,
    "add-person": _add_person,
    "add-api-key": _add_api_key,
    "list-api-keys": _list_api_keys,
    "revoke-api-key": _revoke_api_key,
    "republish": _republish,
}


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m gateway")
    commands = parser.add_subparsers(dest="command", required=True)
    configure = commands.add_parser("configure", help="make a file the full state of one municipality")
    configure.add_argument("file", type=Path, help="YAML or JSON")
    person = commands.add_parser("add-person", help="add or change a person; the password is read from stdin")
    person.add_argument("--login", required=True)
    person.add_argument("--name", required=True, help="the name that colleagues see")
    person.add_argument("--closed", action="store_true", help="close the account")
    key = commands.add_parser("add-api-key", help="make an API key, of a name never used, and print it once")
    key.add_argument("--name", required=True)
    key.add_argument("--purpose", required=True, help="what it is used for")
    key.add_argument("--days", type=int, help="how long it is valid; without it, until it is revoked")
    key.add_argument("--signal-type", action="append", default=[], help="only this type (repeatable)")
    key.add_argument("--reporter-kind", help="as whom every report with this key is made")
    key.add_argument("--per-minute", type=int, help="requests; without it, as the installation says")
    listing = commands.add_parser(
        "list-api-keys", help="show the keys of a municipality, not the keys themselves"
    )
    revoking = commands.add_parser("revoke-api-key", help="let a key be of no more use")
    revoking.add_argument("--name", required=True)
    for each in (person, key, listing, revoking):
        each.add_argument("--municipality", required=True)
    for each in (person, key):
        each.add_argument("--role", type=Role, action="append", default=[], choices=list(Role))
        each.add_argument("--department", action="append", default=[])
    sending = commands.add_parser(_IMPORT, help="check or send a file of reports, with an API key")
    importing.add_arguments(sending)
    signing = commands.add_parser(
        _SIGN, help="vouch for the keys in a file for `configure`, and print it with the signatures"
    )
    signing.add_argument("file", type=Path, help="YAML or JSON")
    signing.add_argument(
        "--signer", type=Path, required=True, help="the signer's private half; made if missing"
    )
    signing.add_argument(
        "--previous", type=Path, help="that of the signer before, who passes on to a new one"
    )
    commands.add_parser("republish", help="speak the full state of every municipality again")
    return parser


if __name__ == "__main__":
    main()
