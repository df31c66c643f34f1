"""Which servers the tests take: an engine that is not there, is dead or is silent costs nothing."""

import contextlib
import gc
import socket
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.support.backing import chosen_kind


@contextmanager
def engine_that(says: bytes | None, path: Path) -> Iterator[None]:
    """An engine's socket: None leaves the file of one that ended, empty bytes keep silent."""
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
        listener.listen()
        if says is None:
            listener.close()
            yield
            return

        def answer() -> None:
            with contextlib.suppress(OSError), listener.accept()[0] as line:
                line.recv(4096)
                line.sendall(says)
                line.recv(1)  # until the asker goes

        answering = threading.Thread(target=answer, daemon=True)
        answering.start()
        try:
            yield
        finally:
            listener.shutdown(socket.SHUT_RDWR)
            answering.join(20)


@pytest.mark.parametrize(
    "says",
    [None, b"", b"no engine at all", b"HTTP/1.0 500 Broken\r\n\r\n"],
    ids=["dead", "silent", "other", "broken"],
)
def test_an_engine_that_does_not_serve_leaves_nothing_open(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, says: bytes | None
) -> None:
    from tests.support import containers  # noqa: PLC0415 -- as the choice itself does

    path = tmp_path / "engine.sock"
    monkeypatch.setenv("DOCKER_HOST", f"unix://{path}")
    with engine_that(says, path), warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        assert not containers.engine_has_images(seconds=0.5)
        gc.collect()
    assert [str(each.message) for each in caught] == []


def test_without_an_engine_the_servers_of_this_machine_are_taken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/none.sock")
    assert chosen_kind({}) == "native"
