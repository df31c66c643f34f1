"""``python -m local``: run the whole system on this machine, or read the mails that it caught."""

import argparse
import signal
import threading
import time
from pathlib import Path
from types import FrameType

from local import report
from local.check import Chain
from local.mail import MailCatcher
from local.samples import send_samples
from local.servers import ServerError
from local.servers.processes import last_lines
from local.system import Options, System, erase_data, nice_port

_FOLDER = Path(".run/system")
_LOOK_SECONDS = 2.0
_LONGEST_PAUSE_SECONDS = 60.0  # between restarts of a service that ends again and again


def main() -> None:
    """Run one command; every error is one sentence that says what to do."""
    arguments = _parser().parse_args()
    if arguments.command == "mail":
        print(report.mails(MailCatcher(arguments.folder / "mail", 0).messages()))
        return
    try:
        raise SystemExit(_run(arguments))
    except ServerError as error:
        raise SystemExit(f"\n{error}") from error


def _run(arguments: argparse.Namespace) -> int:
    stopping = threading.Event()

    def stop(_number: int, _frame: FrameType | None) -> None:
        if stopping.is_set():
            raise KeyboardInterrupt
        stopping.set()
        raise _Stop

    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, stop)
    started = time.monotonic()

    def say(text: str) -> None:
        print(f"[{time.monotonic() - started:5.1f} s] {text}", flush=True)

    if arguments.fresh:
        say(f"The data in {arguments.folder} is removed …")
        erase_data(arguments.folder)
    is_new = not (arguments.folder / "demo.json").exists()
    system = System(
        Options(arguments.folder, gateway_port=nice_port(), neighbourhoods=True, door_first=True), say
    )
    try:
        return _serve(system, arguments, say, stopping, with_samples=is_new and not arguments.no_samples)
    except _Stop:
        return 0 if not arguments.check else 1
    finally:
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, signal.SIG_IGN)  # let the stop end in order
        say("Everything that was started is stopped …")
        system.stop()


class _Stop(BaseException):
    """Somebody asked us to stop."""


def _serve(
    system: System,
    arguments: argparse.Namespace,
    say: "report.Say",
    stopping: threading.Event,
    *,
    with_samples: bool,
) -> int:
    system.start()
    sent = send_samples(system.gateway_url, system.demo.first, say) if with_samples else []
    if sent:
        print(report.what_happened(sent, system))
    if arguments.check:
        return _check(system, say)
    print(report.where_to_go(system, sent))
    pause_seconds = _LOOK_SECONDS
    while not stopping.wait(pause_seconds):
        dead = system.restart_dead()
        for process in dead:
            say(f"{process.name} had ended ({last_lines(process.log_path, 1)}) and is started again.")
            say(f"More is in {process.log_path}")
        pause_seconds = min(pause_seconds * 2, _LONGEST_PAUSE_SECONDS) if dead else _LOOK_SECONDS
    return 0


def _check(system: System, say: "report.Say") -> int:
    say("The whole chain is checked …")
    links = []
    for link in Chain(system).links():
        print(link.line(), flush=True)
        links.append(link)
    is_whole = all(link.is_held for link in links)
    print("The chain is whole." if is_whole else "The chain is broken; see the logs under .run.", flush=True)
    return 0 if is_whole else 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="make run ARGS=…", description="The whole system on this machine, with invented content."
    )
    commands = parser.add_subparsers(dest="command", required=True)
    run = commands.add_parser("run", help="start everything and stay until Ctrl-C")
    run.add_argument("--fresh", action="store_true", help="remove all data first and begin anew")
    run.add_argument("--check", action="store_true", help="check the whole chain, stop, and exit with 0 or 1")
    run.add_argument(
        "--no-samples", action="store_true", help="do not send sample reports at the first start"
    )
    mail = commands.add_parser("mail", help="list the mails that were caught")
    for command in (run, mail):
        command.add_argument(
            "--folder", type=Path, default=_FOLDER, help=f"where all data lives (now {_FOLDER})"
        )
    return parser


if __name__ == "__main__":
    main()
