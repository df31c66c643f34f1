"""``make faults``: kill everything while reports come in, and count what is lost, doubled or brought back."""

import argparse
import asyncio
import json
import logging
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from local.servers import ServerError
from local.system import Options, System, erase_data

from tests.faults.plan import FULL, SHORT, TOWNS, Plan
from tests.faults.run import NotFinished, Run
from tests.faults.verdict import Verdict

_FOLDER = Path(".run/faults")
_RESULT = Path(".run/faults.json")


def run_faults(folder: Path, plan: Plan, say: Callable[[str], None]) -> Verdict:
    """Start a system of its own on a new folder, run the plan, and stop everything that was started.

    Raises `NotFinished` or `ServerError` with a sentence when it came to no verdict.
    """
    erase_data(folder)
    system = System(Options(folder, replicas=2, municipalities=TOWNS, environment=plan.environment), say)
    try:
        system.start()
        return asyncio.run(_bounded(system, plan, say))
    finally:
        say("everything that was started is stopped …")
        with _undisturbed():
            system.stop()


async def _bounded(system: System, plan: Plan, say: Callable[[str], None]) -> Verdict:
    try:
        async with asyncio.timeout(plan.seconds):
            return await Run(system, plan, say).verdict()
    except TimeoutError as error:
        raise NotFinished(
            f"The run did not end within {plan.seconds:.0f} s; the last line says where it hung."
        ) from error
    except BaseExceptionGroup as group:
        raise NotFinished("; ".join(_sentences(group))) from group


def _sentences(error: BaseException) -> Iterator[str]:
    if isinstance(error, BaseExceptionGroup):
        for each in error.exceptions:
            yield from _sentences(each)
    else:
        yield str(error) if isinstance(error, NotFinished) else f"{type(error).__name__}: {error}"


@contextmanager
def _undisturbed() -> Iterator[None]:
    """Let the stop end in order, however often Ctrl-C is pressed."""
    before = {number: signal.signal(number, signal.SIG_IGN) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def main() -> None:
    """Run, print the table, write the JSON; exit with 0 only when nothing at all was wrong."""
    arguments = _arguments()
    plan = replace(SHORT if arguments.short else FULL, **({"seed": arguments.seed} if arguments.seed else {}))
    started = time.monotonic()

    def say(text: str) -> None:
        print(f"[{time.monotonic() - started:5.1f} s] {text}", flush=True)

    signal.signal(signal.SIGTERM, signal.default_int_handler)
    for name in ("aio_pika", "aiormq"):  # a broker that is killed is no news here
        logging.getLogger(name).setLevel(logging.CRITICAL)
    try:
        verdict = run_faults(arguments.folder, plan, say)
    except (NotFinished, ServerError) as error:
        raise SystemExit(f"\n{error}\nLogs are in {arguments.folder / 'log'}.") from error
    except KeyboardInterrupt:
        raise SystemExit("\nStopped before the end; nothing was decided.") from None
    _RESULT.parent.mkdir(parents=True, exist_ok=True)
    _RESULT.write_text(json.dumps(verdict.as_json(), indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    print(f"\n{verdict.table()}\n")
    for sentence in verdict.wrong:
        print(f"WRONG: {sentence}")
    print(
        "Nothing was lost, doubled or brought back." if verdict.is_clean else "The guarantee does not hold."
    )
    raise SystemExit(0 if verdict.is_clean else 1)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make faults ARGS=…", description=__doc__)
    parser.add_argument("--short", action="store_true", help="the short version that `make test` runs")
    parser.add_argument("--seed", type=int, help="another order of kills")
    parser.add_argument("--folder", type=Path, default=_FOLDER, help=f"where all data lives (now {_FOLDER})")
    return parser.parse_args()


if __name__ == "__main__":
    main()
