"""Files on their way in, as a process that is killed leaves them: they tell the day, and no moment of it."""

import os
import time
from collections.abc import AsyncIterator
from pathlib import Path

from intake.files.blobs import FolderBlobs
from intake.files.spool import spooling, sweep_spools

_MIB = 1024 * 1024
_DAY_SECONDS = 24 * 60 * 60


def moments(folder: Path) -> dict[str, float]:
    """What in and of a folder tells more than a day, with the seconds of it."""
    found = {path.name: path.stat().st_mtime % _DAY_SECONDS for path in (folder, *folder.rglob("*"))}
    return {name: seconds for name, seconds in found.items() if seconds}


async def test_a_spool_tells_its_day_while_it_is_written(tmp_path: Path) -> None:
    folder = tmp_path / "arriving"
    folder.mkdir()
    async with spooling(folder) as spool:
        assert moments(folder) == {}
        for _ in range(3):
            await spool.write(os.urandom(_MIB))
            assert moments(folder) == {}
        await spool.close()
        assert moments(folder) == {}
    assert (moments(folder), list(folder.iterdir())) == ({}, [])


async def test_a_blob_tells_its_day_while_it_is_written(tmp_path: Path) -> None:
    folder, told = tmp_path / "kept", []
    folder.mkdir()

    async def pieces() -> AsyncIterator[bytes]:
        for _ in range(3):
            yield os.urandom(_MIB)
            told.append(moments(folder))

    await FolderBlobs(folder).put("ab" * 16, pieces())
    assert [*told, moments(folder)] == [{}] * 4


def test_what_was_begun_at_the_end_of_a_day_is_not_swept_as_if_begun_with_it(tmp_path: Path) -> None:
    today = time.time() // _DAY_SECONDS * _DAY_SECONDS
    for name, days in (("yesterday", 1), ("before", 3)):
        path = tmp_path / name
        path.touch()
        os.utime(path, (today - days * _DAY_SECONDS,) * 2)
    assert sweep_spools(tmp_path, _DAY_SECONDS) == 1
    assert [path.name for path in tmp_path.iterdir()] == ["yesterday"]
