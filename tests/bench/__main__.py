"""``make bench``: measures the whole system on this machine beside what the machine itself can do."""

import argparse
import os
import platform
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import uvloop
from common.auth import IdentitySigner
from common.sealing import decode
from gateway.settings import GatewaySettings
from local.servers import ServerError
from local.system import NICENESS, Options, System, erase_data

from tests.bench import reading, whole
from tests.bench.cost import cpu_seconds, machine_cpu_seconds
from tests.bench.figures import Figure, table, write
from tests.bench.latency import latency
from tests.bench.partners import offers
from tests.bench.processes import processes
from tests.bench.reading import Reader
from tests.bench.town import Town, open_town

_FOLDER = Path(".run/bench")
_RESULT = Path(".run/bench.json")
_LOADED, _FILLED = "waterdam", "polderveen"  # one gets the reports, the other is filled to full size
#: All clients come from one address, which the door would slow down long before the system is busy.
_NO_PACE = {
    "VERMOEDEN_WORK_BLOCK_SHARE": "100",
    "VERMOEDEN_WORK_MUNICIPALITY_SHARE": "100",
    "VERMOEDEN_TEXT_PER_SECOND": "1000000",
    "VERMOEDEN_TEXT_BURST": "1000000",
    "VERMOEDEN_PROOF_BITS": "1",  # checked for each report, but the load does not compute for a second first
    "VERMOEDEN_PROOF_BITS_MOST": "1",
}
#: Mails leave in rounds, as where people report; at once, as `make run` has it, each report would cost some.
_IN_ROUNDS = {"VERMOEDEN_MAILS_AT_ONCE": "false"}
Say = Callable[[str], None]


@dataclass(frozen=True)
class Sizes:
    """How much of each is measured."""

    seconds: float  # at each number of clients
    live: int  # reports
    backlog: int  # reports
    pace_seconds: float
    rows: int  # of reporting
    work: int  # reports of casework
    offers: int = 1000  # to one partner


FULL = Sizes(seconds=10, live=4000, backlog=4000, pace_seconds=30, rows=1_000_000, work=100_000)
QUICK = Sizes(seconds=1, live=200, backlog=300, pace_seconds=2, rows=20_000, work=2_000)


@dataclass(frozen=True)
class Bench:
    """What every measurement has at hand."""

    town: Town  # gets the reports
    filled: Town  # is filled to full size
    reader: Reader  # of the filled town
    sizes: Sizes
    say: Say


async def _accepting(bench: Bench) -> list[Figure]:
    await whole.accepting(bench.town, 8, min(bench.sizes.seconds, 3))  # warms up; not told
    figures = []
    for clients in (1, 8, 32, 64):
        bench.say(f"Reports are accepted from {clients} at once …")
        figures += await whole.accepting(bench.town, clients, bench.sizes.seconds)
    return figures


async def _live(bench: Bench) -> list[Figure]:
    bench.say(f"{bench.sizes.live} reports go through all consumers …")
    return [await whole.live(bench.town, bench.sizes.live)]


async def _drain(bench: Bench) -> list[Figure]:
    bench.say(f"{bench.sizes.backlog} reports wait for consumers that are away …")
    return [await whole.drain(bench.town, bench.sizes.backlog)]


async def _latency(bench: Bench) -> list[Figure]:
    bench.say("A hundred reports a second are followed to the end …")
    return await latency(bench.town, 100, bench.sizes.pace_seconds)


async def _work_list(bench: Bench) -> list[Figure]:
    bench.say(f"Work lists are read at {bench.sizes.work:,} reports …")
    return await reading.work_list(bench.filled, bench.reader, bench.sizes.work)


async def _statistics(bench: Bench) -> list[Figure]:
    bench.say(f"Statistics are read at {bench.sizes.rows:,} reports …")
    return await reading.statistics(bench.filled, bench.reader, bench.sizes.rows)


async def _csv(bench: Bench) -> list[Figure]:
    bench.say(f"A CSV of {bench.sizes.rows:,} rows is copied …")
    api_key = bench.filled.system.demo.towns[_FILLED].api_key
    return await reading.csv(bench.filled, bench.reader, api_key, bench.sizes.rows)


async def _partners(bench: Bench) -> list[Figure]:
    bench.say(f"{bench.sizes.offers:,} offers go to a partner …")
    return await offers(bench.town, bench.sizes.offers)


async def _processes(bench: Bench) -> list[Figure]:
    bench.say("Each process is weighed and started anew …")
    return await processes(bench.town)


MEASUREMENTS: Mapping[str, Callable[[Bench], Awaitable[list[Figure]]]] = {
    "accepting": _accepting,
    "live": _live,
    "drain": _drain,
    "latency": _latency,
    "work-list": _work_list,
    "statistics": _statistics,
    "csv": _csv,
    "partners": _partners,
    "processes": _processes,
}


def main() -> None:
    """Measure, print the table and write it; exits with 1 when a server cannot start."""
    arguments = _parser().parse_args()
    started = time.monotonic()

    def say(text: str) -> None:
        print(f"[{time.monotonic() - started:5.1f} s] {text}", flush=True)

    names = arguments.only or list(MEASUREMENTS)
    erase_data(arguments.folder)
    options = Options(
        arguments.folder,
        municipalities=(_LOADED, _FILLED),
        environment={"gateway": _NO_PACE, "notifier": _IN_ROUNDS},
        door_first=True,
    )
    system = System(options, say)
    busy = _Busy()
    try:
        system.start()
        figures = uvloop.run(_measured(system, names, QUICK if arguments.quick else FULL, say))
        circumstances = busy.circumstances() | {"measured": names, "is_quick": arguments.quick}
    except ServerError as error:
        raise SystemExit(f"\n{error}") from error
    finally:
        system.stop()
    erase_data(arguments.folder)
    write(figures, circumstances, arguments.result)
    print(f"\n{table(figures)}\n")
    print(
        "Clients, services, PostgreSQL and RabbitMQ share {cores} cores. Other programs kept "
        "{foreign_cores:.2f} of them busy meanwhile. While they are short, casework, notifier and reporting "
        "step back (nice {niceness}), so that reports are taken in first.".format_map(circumstances)
    )
    print(f"Written to {arguments.result}.")


class _Busy:
    """How busy the machine is with us, and with others, from now on."""

    def __init__(self) -> None:
        self._started, self._all, self._own = time.monotonic(), machine_cpu_seconds(), self._of_own()

    def circumstances(self) -> dict[str, object]:
        """What the figures must be read with."""
        seconds = time.monotonic() - self._started
        own = self._of_own() - self._own
        return {
            "cores": os.cpu_count(),
            "niceness": NICENESS,
            "python": platform.python_version(),
            "seconds": seconds,
            "own_cores": own / seconds,
            "foreign_cores": max(machine_cpu_seconds() - self._all - own, 0.0) / seconds,
        }

    @staticmethod
    def _of_own() -> float:
        return cpu_seconds([os.getpid()])


async def _measured(system: System, names: list[str], sizes: Sizes, say: Say) -> list[Figure]:
    figures: list[Figure] = []
    async with open_town(system, _LOADED) as town, open_town(system, _FILLED) as filled:
        bench = Bench(town, filled, Reader(_signer(system), _FILLED), sizes, say)
        for name in names:
            for figure in await MEASUREMENTS[name](bench):
                figures.append(figure)
                say(f"  {figure.line}")
    return figures


def _signer(system: System) -> IdentitySigner:
    folder = Path(system.process("gateway").environment["VERMOEDEN_SECRETS_FOLDER"])
    settings = GatewaySettings(_secrets_dir=folder)
    return IdentitySigner(settings.identity_kid, decode(settings.identity_private_key.get_secret_value()))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="make bench ARGS=…", description="Measure the whole system beside what the machine can do."
    )
    parser.add_argument("--quick", action="store_true", help="small sizes: shows that it works, not how fast")
    parser.add_argument(
        "--only", action="append", choices=list(MEASUREMENTS), help="measure only this (may be repeated)"
    )
    parser.add_argument("--folder", type=Path, default=_FOLDER, help=f"where its data lives (now {_FOLDER})")
    parser.add_argument("--result", type=Path, default=_RESULT, help=f"what is written (now {_RESULT})")
    return parser


if __name__ == "__main__":
    main()
