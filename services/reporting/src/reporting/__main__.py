"""The command line: serve, migrate, waiting, and rebuild of the counts."""

import argparse
import asyncio
import sys
from collections.abc import Sequence

from common.commands import main
from common.db import Database
from common.readable import shown

from reporting import store
from reporting.main import serve_reporting
from reporting.settings import ReportingSettings


def run(argv: Sequence[str]) -> None:
    """Run one command; ``rebuild [--check]`` is reporting's own."""
    if argv[:1] != ["rebuild"]:
        main("reporting", ReportingSettings, serve_reporting, argv)
        return
    parser = argparse.ArgumentParser(
        prog="python -m reporting rebuild", description="make the counts anew from the rows"
    )
    parser.add_argument("--check", action="store_true", help="only compare; exit with 1 when they differ")
    arguments = parser.parse_args(argv[1:])
    database = Database.from_settings(ReportingSettings.from_environment())
    found = asyncio.run(rebuild(database, check_only=arguments.check))
    for difference in found:
        print(*map(shown, difference), sep="\t")
    print(f"{len(found)} count(s) differ{'' if arguments.check or not found else 'ed and were put right'}.")
    if found and arguments.check:
        raise SystemExit(1)


async def rebuild(database: Database, *, check_only: bool) -> list[tuple[str, str, str]]:
    """Where counts differ from rows + erased; puts them right unless only checking. Writers wait."""
    try:
        async with database.flowing() as connection:
            await store.lock_writing(connection)
            found = await store.differences(connection)
            if found and not check_only:
                await store.rebuild_rollup(connection)
            return found
    finally:
        await database.close()


if __name__ == "__main__":
    run(sys.argv[1:])
