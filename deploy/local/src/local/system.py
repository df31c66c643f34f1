"""The whole system on one machine: private servers, databases, broker users, processes, mail, demo."""

import asyncio
import contextlib
import fcntl
import json
import os
import shutil
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor  # noqa: TID251 -- holds no words of people
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO
from urllib.parse import quote, urlsplit

from common.authority import make_certificates, owner_names
from common.flow import SERVICES
from common.messaging.administration import BrokerAdministration
from common.migration import migrate
from common.provisioning import apply_secrets, make_secrets
from common.tls import FILES, Tls
from gateway.settings import GatewaySettings

from local.demo import SUBSCRIBED, Demo
from local.mail import MailCatcher
from local.process import OPENER, READY_SECONDS, Process
from local.servers import FolderInUse, PrivatePostgres, PrivateRabbit, StartFailed, free_port
from local.servers.ports import LOOPBACK, is_free

GATEWAY_PORT = 8080
_GATEWAY_PORTS = range(GATEWAY_PORT, GATEWAY_PORT + 40)
#: While the processor is short, taking reports in comes first; what waits in the queues follows at once.
NICENESS = 5  # a third of the others' share
_BEHIND_THE_DOOR = frozenset({"casework", "notifier", "reporting"})


@dataclass(frozen=True)
class Options:
    """What to start, and where its data lives."""

    folder: Path
    replicas: int = 1
    municipalities: tuple[str, ...] = ("waterdam",)
    environment: Mapping[str, Mapping[str, str]] = field(default_factory=dict)  # extra settings per service
    door_first: bool = False  # the consumers step back while the processor is short
    gateway_port: int | None = None  # None: a free one; see `nice_port`
    partner_queues: bool = True
    neighbourhoods: bool = False  # a list of a dozen; without it a report may name any
    tls: bool = False  # between all parts, with an authority of its own; the front door stays plain
    #: The port at which the others reach a part that listens on the given one; for a recorder in between.
    through: Callable[[str, int], int] = lambda _part, port: port


@dataclass(frozen=True)
class PartnerAccess:
    """How a demo partner reaches its queue."""

    code: str
    vhost: str
    queue: str
    amqp_url: str


class System:
    """Starts and stops everything; a second start keeps the data. One thread at a time calls its methods.

    Guarantee: everything it started ends with this process, and nothing else does.
    """

    def __init__(self, options: Options, say: Callable[[str], None] = lambda _text: None) -> None:
        self.options = options
        self.folder = options.folder.resolve()
        self._say = say
        self._lock: IO[str] | None = None
        shown = self._make_certificates() if options.tls else {}
        self.postgres = PrivatePostgres(self.folder / "postgres", certificates=shown.get("postgres"))
        self.rabbit = PrivateRabbit(self.folder / "rabbit", certificates=shown.get("rabbitmq"))
        mail = Tls(*(shown["mail"] / name for name in FILES.values())) if shown else None
        context = mail.server(asks=False) if mail else None
        self.mail = MailCatcher(self.folder / "mail", free_port(), context)
        self.processes: list[Process] = []
        self.partners: dict[str, dict[str, PartnerAccess]] = {}  # by municipality, then by partner
        self._demo: Demo | None = None

    @property
    def demo(self) -> Demo:
        """The invented municipalities; there once the system was started."""
        if self._demo is None:
            raise RuntimeError("the system was not started yet")
        return self._demo

    @property
    def gateway_url(self) -> str:
        """The front door."""
        return self.process("gateway").url

    @property
    def gateway_urls(self) -> list[str]:
        """The front doors of all replicas."""
        return [process.url for process in self.processes if process.service == "gateway"]

    def process(self, service: str, replica: int = 0) -> Process:
        """One replica of a service."""
        return next(each for each in self.processes if (each.service, each.replica) == (service, replica))

    def database_url(self, service: str, role: str = "admin") -> str:
        """A service's database as `owner`, `web`, `flow`, or as the server's administrator."""
        if role == "admin":
            return self.postgres.admin_url.rpartition("/")[0] + f"/{service}"
        return (self._secrets / f"setup/{service}/vermoeden_database_{role}_url").read_text().strip()

    def start(self) -> None:
        """Start everything; raises `ServerError` with a sentence that says what to do."""
        self._take_folder()
        self._say("PostgreSQL and RabbitMQ start …")
        self._together([self.postgres.start, self.rabbit.start, self.mail.start])
        self._say("Databases, roles and broker users are made …")
        self._make_secrets()
        asyncio.run(apply_secrets(self._secrets))
        for service in SERVICES:  # one after another: migrations share one context in a process
            migrate(service, self.database_url(service, "owner"), self._trust)
        self._demo = Demo(
            self.folder / "demo.json",
            self.options.municipalities,
            has_neighbourhoods=self.options.neighbourhoods,
        )
        self.processes = list(self._planned())
        self._say("Demo municipality, people and keys are made …")
        self._demo.set_up(self._gateway_settings())
        if self.options.partner_queues:
            asyncio.run(self._provide_partners())
        self._say("The five services start …")
        for process in self.processes:
            process.launch()
        for process in self.processes:
            process.wait_ready()
        self._wait_configured()

    def stop(self) -> None:
        """Stop everything that this object started, services first."""
        self._together([process.stop for process in self.processes])
        self.mail.stop()
        self._together([self.rabbit.stop, self.postgres.stop])
        if self._lock is not None:
            self._lock.close()
            self._lock = None

    def restart_dead(self) -> list[Process]:
        """Start services that ended by themselves; returns these."""
        dead = [process for process in self.processes if not process.is_running]
        for process in dead:
            process.launch()
        return dead

    @property
    def _secrets(self) -> Path:
        return self.folder / "secrets"

    @property
    def _trust(self) -> Tls:
        """Whom an administrator of this system trusts."""
        return Tls(self._secrets / "setup/admin" / FILES["ca"] if self.options.tls else None)

    def _make_certificates(self) -> dict[str, Path]:
        """The servers show theirs from their first start on; the folder of each."""
        names = owner_names({"postgres": (LOOPBACK,), "rabbitmq": (LOOPBACK,)}, (LOOPBACK,))
        make_certificates(self._secrets, names)
        return {owner: self._secrets / owner for owner in names}

    def _take_folder(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        lock = (self.folder / "lock").open("w", encoding="utf-8")
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            lock.close()
            raise FolderInUse(
                f"The system already runs from {self.folder}. Stop it there, or choose another --folder."
            ) from error
        self._lock = lock

    def _make_secrets(self) -> None:
        """Secrets are made once; should the servers have moved, addresses and passwords are made anew."""
        ports = {
            "postgres": self.postgres.port,
            "broker": _port(self.rabbit.amqp_url),
            "management": _port(self.rabbit.management_url),
        }
        where = {part: f"{LOOPBACK}:{self.options.through(part, port)}" for part, port in ports.items()}
        known = self.folder / "addresses.json"
        if known.exists() and json.loads(known.read_text()) != where:
            for name in (*SERVICES, *(f"setup/{service}" for service in (*SERVICES, "admin"))):
                shutil.rmtree(self._secrets / name, ignore_errors=True)
        for server, password in (
            ("postgres", self.postgres.admin_password),
            ("rabbitmq", self.rabbit.admin_password),
        ):
            _write_private(self._secrets / server / "password", password)
        make_secrets(
            self._secrets,
            postgres=where["postgres"],
            broker=where["broker"],
            management=where["management"],
            tls=self.options.tls,
            also=(LOOPBACK,),
        )
        known.write_text(json.dumps(where), encoding="utf-8")

    def _planned(self) -> Iterator[Process]:
        taken: set[int] = set()

        def port() -> int:
            found = free_port(frozenset(taken))
            taken.add(found)
            return found

        ports = {
            (service, replica): port() for service in SERVICES for replica in range(self.options.replicas)
        }
        if self.options.gateway_port:
            ports["gateway", 0] = self.options.gateway_port
        front = f"http://{LOOPBACK}:{ports['gateway', 0]}"
        scheme = "https" if self.options.tls else "http"
        reached = {
            part: f"{scheme}://{LOOPBACK}:{self.options.through(part[0], own)}" for part, own in ports.items()
        }
        for (service, replica), own in ports.items():
            upstream = {f"VERMOEDEN_{other.upper()}_URL": reached[other, replica] for other in SERVICES}
            environment = {
                "VERMOEDEN_SECRETS_FOLDER": str(self._secrets / service),
                **self._settings_of(service, upstream, front),
                **self.options.environment.get(service, {}),
            }
            log = self.folder / "log" / f"{service}-{replica}.log"
            yield Process(
                service,
                replica,
                port=own,
                operations_port=port(),
                environment=environment,
                log=log,
                niceness=NICENESS if self.options.door_first and service in _BEHIND_THE_DOOR else 0,
            )

    def _settings_of(self, service: str, upstream: Mapping[str, str], front: str) -> dict[str, str]:
        if service == "gateway":
            return {
                **upstream,
                "VERMOEDEN_IS_HTTPS": "false",
                "VERMOEDEN_DOOR_SECURITY": "none",
                "VERMOEDEN_DEFAULT_MUNICIPALITY": self.options.municipalities[0],
                "VERMOEDEN_MUNICIPALITY_REFRESH_SECONDS": "1",
            }
        if service == "intake":
            signers = {code: town.signer_public_key for code, town in self.demo.towns.items()}
            return {
                "VERMOEDEN_FILES_FOLDER": str(self.folder / "files"),
                "VERMOEDEN_SIGNERS": json.dumps(signers),
            }
        if service == "notifier":
            return {
                "VERMOEDEN_SMTP_HOST": LOOPBACK,
                "VERMOEDEN_SMTP_PORT": str(self.options.through("mail", self.mail.port)),
                "VERMOEDEN_SMTP_SECURITY": "starttls" if self.options.tls else "none",
                "VERMOEDEN_PUBLIC_URL": front,
                "VERMOEDEN_SENDER": "vermoeden@waterdam.example",
                "VERMOEDEN_MAILS_AT_ONCE": "true",  # nobody waits half an hour to see a mail
            }
        return {}

    def _gateway_settings(self) -> GatewaySettings:
        environment = self.process("gateway").environment
        folder = Path(environment["VERMOEDEN_SECRETS_FOLDER"])
        return GatewaySettings.from_folder(folder)

    async def _provide_partners(self) -> None:
        administration = BrokerAdministration(
            self.rabbit.management_url, self.rabbit.admin_user, self.rabbit.admin_password, tls=self._trust
        )
        scheme, _, rest = self.rabbit.amqp_url.partition("://")
        host = rest.rpartition("@")[2]
        trusting = f"?cafile={self._secrets}/setup/admin/{FILES['ca']}" if self.options.tls else ""
        async with administration:
            for town in self.demo.towns.values():
                self.partners[town.code] = {}
                for partner in SUBSCRIBED:
                    password = town.password_of(partner)
                    vhost, queue = await administration.partners.provide(town.code, partner, password)
                    url = f"{scheme}://{quote(queue)}:{quote(password)}@{host}{quote(vhost)}{trusting}"
                    self.partners[town.code][partner] = PartnerAccess(partner, vhost, queue, url)

    def _wait_configured(self) -> None:
        """Every replica's front door knows every municipality: its state travels as an event."""
        until = time.monotonic() + READY_SECONDS
        for url in self.gateway_urls:
            for code in self.options.municipalities:
                while not _takes_reports(url, code):
                    if time.monotonic() > until:
                        raise StartFailed(f"The municipality {code} did not reach the intake in time.")
                    time.sleep(0.1)

    def _together(self, steps: list[Callable[[], object]]) -> None:
        with ThreadPoolExecutor(max(1, len(steps))) as pool:
            for done in [pool.submit(step) for step in steps]:
                done.result()


def _port(url: str) -> int:
    port = urlsplit(url).port
    assert port is not None
    return port


def _takes_reports(url: str, municipality: str) -> bool:
    request = urllib.request.Request(  # noqa: S310 -- our own address
        f"{url}/api/v1/signal-types", headers={"Municipality": municipality}
    )
    try:
        with OPENER.open(request, timeout=5) as answer:
            return bool(answer.status == 200)
    except (urllib.error.URLError, OSError):
        return False


def nice_port() -> int:
    """The front door's usual port, or the next free one."""
    return next((port for port in _GATEWAY_PORTS if is_free(port)), free_port())


def erase_data(folder: Path) -> None:
    """Remove everything that a system keeps in this folder; refuses a folder that is not one of ours."""
    folder = folder.resolve()
    if not folder.exists():
        return
    if not (folder / "lock").exists() and any(folder.iterdir()):
        raise SystemExit(f"{folder} is not a folder of this system; nothing was removed.")
    system = System(Options(folder))
    system._take_folder()
    try:
        for server in (system.postgres, system.rabbit):
            server.erase()
        for entry in folder.iterdir():
            if entry.name != "lock":
                _remove(entry)
    finally:
        system.stop()


def _remove(entry: Path) -> None:
    if entry.is_dir() and not entry.is_symlink():
        shutil.rmtree(entry)
    else:
        with contextlib.suppress(FileNotFoundError):
            entry.unlink()


def _write_private(file: Path, text: str) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as opened:
        opened.write(text)
