"""From inside the program that reads what strangers sent: nothing of ours can be read, reached or changed."""

import base64
import ctypes
import json
import os
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from common.apart.starting import Bounds, NoWalls, Program, Watch
from common.rooms import Account
from gateway.mail import MailReader
from gateway.mail.apart import MailsUnread
from intake.files.cleaning import loaded
from intake.files.kinds import FileKind
from intake.files.refusals import FileRefused
from intake.files.workshop import Bounds as WorkshopBounds
from intake.files.workshop import Workshop
from pikepdf import Dictionary, Name

from tests.support.apart import tried
from tests.support.attempts import IS_LONG, Attempts
from tests.support.canaries import JPEGS, JPXS, PNGS, WEBPS
from tests.support.canary_places import PLACES, with_picture, written

_SUPPORT = Path(__file__).parents[1] / "support"
_INTRUDER, _WALL_LESS = str(_SUPPORT / "intruder.py"), str(_SUPPORT / "wall_less.py")
_SECRET = b"postgresql://geheim:KANARIEVOGEL@127.0.0.1/intake"
_BOUNDS = Bounds(1024, 60)
_MIB = 1024 * 1024
_SOMEBODY = Account("zandrecht")
_LOOKS = ("look, as at a descriptor, at", "look closely, as at a descriptor, at")
_READ = (
    *("/run/secrets", "/run", "/etc/passwd", "/etc/shadow", "/etc/hosts", "/", "/sys", "/dev/urandom"),
    *("/proc/self/environ", "/proc/1/environ", "/proc/self/fd"),
)
_NAMES = (
    *("read ", "list ", "write ", "make ", "connect to port", "cut ", "remove ", "rename "),
    "start a program",
)
#: Harmless, so that it may be tried without any wall.
_HARMLESS = (
    *("read /etc", "list /", "a socket", "connect", "send", "a pair", "memory that", "a memory file"),
    *("an event", "look", "ask whether", "follow"),
)


@dataclass
class Ground:
    """What an intruder is told of, with somebody who listens at every door."""

    reach: dict[str, Any]
    doors: list[socket.socket]

    def visited(self) -> list[str]:
        """The doors at which somebody came."""
        found = []
        for door in self.doors:
            try:
                if door.type == socket.SOCK_DGRAM:
                    door.recv(10)
                else:
                    door.accept()[0].close()
            except BlockingIOError:
                continue
            found.append(str(door.getsockname()))
        return found


@pytest.fixture
def ground(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Ground]:
    """A folder of secrets, doors of every kind, and descriptors and variables that must not be inherited."""
    secrets = tmp_path / "secrets"
    secrets.mkdir()
    (secrets / "vermoeden_database_web_url").write_bytes(_SECRET)
    monkeypatch.setenv("VERMOEDEN_DATABASE_WEB_URL", _SECRET.decode())
    secret = ctypes.create_string_buffer(_SECRET)
    with ExitStack() as stack:
        opened = stack.enter_context((secrets / "vermoeden_database_web_url").open("rb"))
        os.set_inheritable(opened.fileno(), True)
        doors = [_door(stack, family, kind, at) for family, kind, at in _doors(tmp_path)]
        for door in doors:
            door.set_inheritable(True)
        parent = os.getpid()
        kept = str(secrets / "vermoeden_database_web_url")
        proc = [f"/proc/{parent}/{name}" for name in ("environ", "mem", "maps", "fd", "root", "cmdline")]
        yield Ground(
            {
                "parent": parent,
                "secret_at": ctypes.addressof(secret),
                "read": [*_READ, str(secrets), kept, f"/proc/{parent}", *proc],
                "links": ["/proc/self/exe", "/proc/self/fd/0", f"/proc/{parent}/root", f"/proc/{parent}/cwd"],
                "write": ["/tmp", "/dev/shm", "/var/tmp", str(secrets), "."],
                "change": [kept],
                "ports": [door.getsockname()[1] for door in doors[:2]],
                "udp": doors[2].getsockname()[1],
                "unix": str(tmp_path / "unix"),
                "unix_datagrams": str(tmp_path / "unix-datagrams"),
                "abstract": "\0vermoeden-" + tmp_path.name,
            },
            doors,
        )


def _doors(folder: Path) -> list[tuple[int, int, Any]]:
    loopback = ("127.0.0.1", 0)
    return [
        (socket.AF_INET, socket.SOCK_STREAM, loopback),  # stands for the database
        (socket.AF_INET, socket.SOCK_STREAM, loopback),  # and for the broker
        (socket.AF_INET, socket.SOCK_DGRAM, loopback),
        (socket.AF_UNIX, socket.SOCK_STREAM, str(folder / "unix")),
        (socket.AF_UNIX, socket.SOCK_STREAM, "\0vermoeden-" + folder.name),
        (socket.AF_UNIX, socket.SOCK_DGRAM, str(folder / "unix-datagrams")),
    ]


def _door(stack: ExitStack, family: int, kind: int, at: Any) -> socket.socket:
    made = stack.enter_context(socket.socket(family, kind))
    made.bind(at)
    if kind == socket.SOCK_STREAM:
        made.listen()
    made.setblocking(False)
    return made


async def outcome(
    ground: Ground, how: str, *, only: tuple[str, ...] = (), needs_walls: bool = True
) -> dict[str, bool]:
    """Which tries of an intruder succeeded."""
    program = Program((_INTRUDER,), _BOUNDS, needs_walls=needs_walls)
    reach = json.dumps({**ground.reach, "only": only})
    results = await tried(program, how, reach)
    assert only or len(results) > 90
    return results


@pytest.mark.parametrize("how", ["as usual", "unprivileged", "system calls only"])
async def test_nothing_can_be_done_from_inside(ground: Ground, attempts: Attempts, how: str) -> None:
    if how == "unprivileged" and os.geteuid() != 0:
        pytest.skip("who is no root is unprivileged already: as usual")
    for what, succeeded in (await outcome(ground, how)).items():
        attempts.record(f"{how}: {_kind(what)}", succeeded=succeeded)
    assert ground.visited() == []


async def test_without_the_filter_nothing_is_opened_or_made_by_name_nor_reached_by_tcp(
    ground: Ground, attempts: Attempts
) -> None:
    if "names" not in await Watch(needs_walls=False).look():
        pytest.skip("this kernel has no Landlock")
    for what, succeeded in (await outcome(ground, "names only", only=_NAMES, needs_walls=False)).items():
        attempts.record(f"names only: {_kind(what)}", succeeded=succeeded)


async def test_the_tries_would_succeed_without_walls(ground: Ground) -> None:
    done = await outcome(ground, "neither", only=_HARMLESS, needs_walls=False)
    failed = {what for what, succeeded in done.items() if not succeeded}
    assert len(done) >= len(failed) + 12, failed  # a try that always fails proves nothing
    assert not failed & {"a socket: unix", "read /etc/passwd", "a pair of sockets", "memory that runs"}
    assert not failed & {f"{how} /etc/shadow" for how in ("look at", "ask whether there is", *_LOOKS)}


async def test_without_walls_no_file_and_no_mail_is_read() -> None:
    program = Program((_WALL_LESS,), _BOUNDS)
    async with program.running(most_bytes=0) as process:
        with pytest.raises(NoWalls):
            await process.ending()
    workshop = Workshop(1, WorkshopBounds(seconds=60), code=(_WALL_LESS,))
    with pytest.raises(NoWalls):
        async with workshop.cleaned(
            FileKind.JPEG, _once(JPEGS["JPEG comment"]()), most_bytes=_MIB, account=_SOMEBODY
        ):
            pass
    with pytest.raises(MailsUnread) as unread:
        await MailReader(code=(_WALL_LESS,)).read(b"From: a@b.example\n\nx", "zandrecht")
    assert (unread.value.status, unread.value.code) == (503, "mails-unread")


async def test_who_runs_it_may_go_without_walls_and_is_told() -> None:
    program = Program((_WALL_LESS,), _BOUNDS, needs_walls=False)
    async with program.running(most_bytes=0) as process:
        assert await process.ending() == (0, "")
    watch = Watch(needs_walls=True, code=(_WALL_LESS,))
    assert await watch.look() == frozenset()
    assert watch.trouble is not None
    assert "seccomp" in watch.trouble


def _kind(what: str) -> str:
    """A try without its paths and ports, for the table."""
    return " ".join(word for word in what.split() if "/" not in word and not word.isdigit())


async def _once(content: bytes) -> AsyncIterator[bytes]:
    yield content


def _files() -> dict[str, bytes]:
    short = {
        "photo": JPEGS["JPEG comment between scans"](),
        "second picture": JPEGS["JPEG with a second picture (MPF)"](),
        "PNG": PNGS["PNG iCCP"](),
        "WebP": WEBPS["WebP EXIF"](),
        "JPEG 2000": written(with_picture(JPXS["JPX comment"](), ("JPXDecode",))),
        "fonts": written(*(PLACES[f"{kind} font"] for kind in ("TrueType", "CFF", "Type 1"))),
        "everything": written(
            *(PLACES[what] for what in ("pattern", "glyph of Type 3", "picture in the stream"))
        ),
    }
    more = {name: make() for name, make in {**JPEGS, **PNGS, **WEBPS}.items()}
    more |= {name: written(place) for name, place in PLACES.items()}
    return {**short, **(more if IS_LONG else {})}


@pytest.mark.parametrize("name", _files())
async def test_a_file_is_cleaned_inside_as_outside(name: str) -> None:
    content = _files()[name]
    kind = FileKind.PDF if content.startswith(b"%PDF") else _kind_of(content)
    workshop = Workshop(1, WorkshopBounds(seconds=60))
    async with workshop.cleaned(kind, _once(content), most_bytes=_MIB, account=_SOMEBODY) as pieces:
        inside = b"".join([each async for each in pieces])
    assert inside == loaded(kind)(content)


def _kind_of(content: bytes) -> FileKind:
    if content.startswith(b"\x89PNG"):
        return FileKind.PNG
    return FileKind.WEBP if content.startswith(b"RIFF") else FileKind.JPEG


async def test_what_a_library_grumbles_does_not_pass_for_a_reason_nor_fill_the_pipe() -> None:
    rows = 2000
    broken = bytes(range(256)) * 200  # a complaint for nearly every line
    told = Dictionary(K=-1, Columns=64, Rows=rows)
    picture = with_picture(
        broken,
        ("CCITTFaxDecode",),
        DecodeParms=told,
        Height=rows,
        BitsPerComponent=1,
        ColorSpace=Name.DeviceGray,
    )
    workshop = Workshop(1, WorkshopBounds(seconds=60))
    try:
        async with workshop.cleaned(
            FileKind.PDF, _once(written(picture)), most_bytes=_MIB, account=_SOMEBODY
        ) as pieces:
            assert b"".join([each async for each in pieces]).startswith(b"%PDF")
    except FileRefused as refused:
        assert refused.reason in {"damaged", "picture-in-pdf"}  # noqa: PT017 -- either way, and no other


@pytest.mark.parametrize(
    "charset", ["utf-8", "iso-8859-15", "windows-1252", "koi8-r", "gb2312", "utf-16", "cp437"]
)
async def test_a_mail_is_read_inside_in_every_character_set(charset: str) -> None:
    text = "Elke nacht busjes".encode(charset)
    head = f"From: a@b.example\r\nSubject: x\r\nContent-Type: text/plain; charset={charset}\r\n"
    content = head.encode() + b"Content-Transfer-Encoding: 8bit\r\n\r\n" + text
    if charset == "utf-16":
        content = head.encode() + b"Content-Transfer-Encoding: base64\r\n\r\n" + base64.b64encode(text)
    assert "Elke nacht busjes" in (await MailReader().read(content, "zandrecht")).text


async def test_a_program_apart_is_ended_first_and_computes_last() -> None:
    program = Program((str(_SUPPORT / "taken_over.py"),), _BOUNDS)
    async with program.running(most_bytes=_MIB) as process:
        await process.feed(_once(b'{"says": "here", "stays": true}'))
        assert await anext(process.said()) == b"here"
        assert _standing_of("taken_over.py") == ("1000", 19)


def _standing_of(program: str) -> tuple[str, int]:
    """How soon the kernel ends the child that runs this program, and how late it computes."""
    children = Path(f"/proc/self/task/{os.getpid()}/children").read_text(encoding="ascii").split()
    (own,) = [each for each in children if program.encode() in Path(f"/proc/{each}/cmdline").read_bytes()]
    score = Path(f"/proc/{own}/oom_score_adj").read_text(encoding="ascii").strip()
    return score, os.getpriority(os.PRIO_PROCESS, int(own))


async def test_the_walls_of_this_machine_are_told_in_figures() -> None:
    watch = Watch(needs_walls=True)
    standing = await watch.look()
    assert "system_calls" in standing
    assert watch.trouble is None
