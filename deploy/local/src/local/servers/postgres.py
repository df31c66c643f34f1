"""A private PostgreSQL server: own data, own port on loopback, password for everyone, TLS if wanted."""

import contextlib
import os
import pwd
import re
import shutil
import signal
import subprocess
import time
from pathlib import Path
from typing import ClassVar

from local.servers.errors import FolderUnusable, ProgramMissing, StartFailed
from local.servers.placement import place_data
from local.servers.processes import Account, Child, as_account
from local.servers.server import PrivateServer

OLDEST_MAJOR = 15

_RETRY_SECONDS = 10.0
_INITDB_SECONDS = 120.0
# Left behind by a killed server for a moment: its zombie, or sessions that still end.
_STILL_GOING = ("postmaster.pid", "shared memory block")

_ENVIRONMENT = {"PATH": os.environ.get("PATH", os.defpath), "LANG": "C.UTF-8", "LC_ALL": "C.UTF-8"}

_CONFIGURATION = """\
# Written at every start by local.servers; a change made here is lost.
listen_addresses = '127.0.0.1'
port = {port}
unix_socket_directories = ''
max_connections = 200
password_encryption = 'scram-sha-256'
timezone = 'UTC'
# Every acknowledged commit survives a crash.
fsync = on
synchronous_commit = on
full_page_writes = on
# Two cores, beside the services.
shared_buffers = '128MB'
effective_cache_size = '1GB'
max_worker_processes = 4
max_parallel_workers = 2
max_parallel_workers_per_gather = 2
jit = off
max_wal_size = '2GB'
checkpoint_timeout = '10min'
checkpoint_completion_target = 0.9
# Statements and key values hold personal data: they stay out of the log.
log_min_error_statement = panic
log_error_verbosity = terse
log_parameter_max_length = 0
log_parameter_max_length_on_error = 0
"""


_TLS = """\
ssl = on
ssl_cert_file = 'tls.crt'
ssl_key_file = 'tls.key'
ssl_min_protocol_version = 'TLSv1.2'
"""


class PrivatePostgres(PrivateServer):
    """PostgreSQL 15 or newer, with checksums and `fsync`, as the `postgres` account under root."""

    name: ClassVar[str] = "PostgreSQL"

    def __init__(self, folder: Path, port: int | None = None, certificates: Path | None = None) -> None:
        """`folder` is made at the first start; `port` None means a free one that is remembered.

        `certificates`: a folder with tls.crt and tls.key; it then answers over TLS too.
        """
        super().__init__(folder, {"postgresql": port})
        self._certificates = certificates
        self._bin = Path()
        self._data = Path()
        self._account: Account | None = None

    @property
    def port(self) -> int:
        """The TCP port on `host`."""
        return self._port("postgresql")

    @property
    def admin_url(self) -> str:
        """URL of the superuser on the database `postgres`."""
        return f"postgresql://{self.admin_user}:{self.admin_password}@{self.host}:{self.port}/postgres"

    def program(self, name: str) -> str:
        """The path of a client program of the same version, such as `psql`; there once it was started."""
        return str(self._bin / name)

    def _prepare(self) -> None:
        self._account = _account()
        self._data = place_data(self.folder, self._account)
        self._bin = _find_programs(_data_major(self._data))
        if not (self._data / "PG_VERSION").exists():
            self._make_data()
        text = _CONFIGURATION.format(port=self.port) + (self._show_certificate() or "")
        (self._data / "postgresql.conf").write_text(text, encoding="utf-8")

    def _show_certificate(self) -> str | None:
        """Copy the certificate to where the server may read it; the settings that it takes."""
        if self._certificates is None:
            return None
        for name in ("tls.crt", "tls.key"):
            copy = self._data / name
            copy.unlink(missing_ok=True)
            copy.touch(mode=0o600)
            copy.write_bytes((self._certificates / name).read_bytes())
            if self._account is not None:
                os.chown(copy, self._account.uid, self._account.gid)
        return _TLS

    def _make_data(self) -> None:
        """`initdb` beside the final place, then a rename: half-made data is never started."""
        half_made = self._data.with_name(f"{self._data.name}.new")
        shutil.rmtree(half_made, ignore_errors=True)
        half_made.mkdir(mode=0o700)
        password = half_made.with_suffix(".password")
        password.write_text(self.admin_password, encoding="ascii")
        password.chmod(0o600)
        if self._account is not None:
            for path in (half_made, password):
                os.chown(path, self._account.uid, self._account.gid)
        try:
            self._initdb(half_made, password)
        finally:
            password.unlink()
        shutil.rmtree(self._data, ignore_errors=True)
        half_made.rename(self._data)

    def _initdb(self, data: Path, password: Path) -> None:
        command = [
            "setpriv",
            "--pdeathsig",
            "KILL",
            *as_account(self._account),
            "--",
            str(self._bin / "initdb"),
        ]
        command += ["-D", str(data), "-U", self.admin_user, "-A", "scram-sha-256", "--pwfile", str(password)]
        command += ["-E", "UTF8", "--locale=C.UTF-8", "--data-checksums", "--no-sync"]
        done = subprocess.run(
            command, env=_ENVIRONMENT, capture_output=True, text=True, timeout=_INITDB_SECONDS, check=False
        )
        if done.returncode:
            raise StartFailed(f"initdb could not make the data in {data}:\n{done.stderr.strip()}")

    def _launch_until_ready(self) -> None:
        """As the general start, repeated for 10 seconds while a killed server is still going."""
        give_up_at = time.monotonic() + _RETRY_SECONDS
        while True:
            try:
                super()._launch_until_ready()
            except StartFailed as failure:
                is_going = any(sign in str(failure) for sign in _STILL_GOING)
                if self.is_running or not is_going or time.monotonic() > give_up_at:
                    raise
                self._forget_foreign_lock()
                time.sleep(0.2)
            else:
                return

    def _forget_foreign_lock(self) -> None:
        """Remove `postmaster.pid` when its number now belongs to another program (after a reboot).

        Only when no process works in the data folder: the file also guards against the sessions
        of a killed server, which PostgreSQL itself can no longer find without it.
        """
        if not any(_works_in(process, self._data) for process in Path("/proc").glob("[0-9]*")):
            (self._data / "postmaster.pid").unlink(missing_ok=True)

    def _launch(self) -> Child:
        # On our death SIGQUIT: it ends all sessions at once; the next start recovers from the log.
        return Child(
            [str(self._bin / "postgres"), "-D", str(self._data)],
            environment=_ENVIRONMENT,
            log=self.log,
            death_signal="QUIT",
            account=self._account,
        )

    def _is_ready(self) -> bool:
        command = [str(self._bin / "pg_isready"), "-q", "-h", self.host, "-p", str(self.port), "-t", "2"]
        return subprocess.run(command, env=_ENVIRONMENT, check=False).returncode == 0

    def _end(self, child: Child) -> None:
        # SIGINT is PostgreSQL's fast shutdown: SIGTERM would wait for every client to leave.
        child.terminate(self._stop_seconds, ask_with=signal.SIGINT)


def _account() -> Account | None:
    """PostgreSQL refuses to run as root: then the account of Debian's package, else ours."""
    if os.geteuid() != 0:
        return None
    try:
        entry = pwd.getpwnam("postgres")
    except KeyError as error:
        raise ProgramMissing(
            "PostgreSQL does not run as root and there is no account 'postgres'; "
            "install Debian's package: apt-get install postgresql"
        ) from error
    return Account(uid=entry.pw_uid, gid=entry.pw_gid)


def _find_programs(major: int | None) -> Path:
    """The newest installed version, or the one that made the data."""
    found = _installed()
    usable = {version: folder for version, folder in found.items() if version >= OLDEST_MAJOR}
    if not usable:
        raise ProgramMissing(
            f"PostgreSQL {OLDEST_MAJOR} or newer is not on this machine; run: apt-get install postgresql"
        )
    if major is None:
        return usable[max(usable)]
    if major not in usable:
        raise FolderUnusable(
            f"The data were made by PostgreSQL {major}, which is not on this machine "
            f"(found: {', '.join(map(str, sorted(found)))}); install it or begin with new data."
        )
    return usable[major]


def _installed() -> dict[int, Path]:
    found = {
        int(folder.parent.name): folder
        for folder in Path("/usr/lib/postgresql").glob("*/bin")
        if folder.parent.name.isdigit() and (folder / "initdb").exists()
    }
    on_path = shutil.which("postgres")
    if on_path:
        folder = Path(on_path).resolve().parent
        told = subprocess.run([on_path, "--version"], capture_output=True, text=True, check=False).stdout
        version = re.search(r"\) (\d+)", told)
        if version and (folder / "initdb").exists():
            found.setdefault(int(version[1]), folder)
    return found


def _data_major(data: Path) -> int | None:
    with contextlib.suppress(FileNotFoundError):
        return int((data / "PG_VERSION").read_text(encoding="ascii"))
    return None


def _works_in(process: Path, data: Path) -> bool:
    with contextlib.suppress(OSError):
        return (process / "cwd").readlink() == data.resolve()
    return False
