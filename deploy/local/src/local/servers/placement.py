"""Where the data of a server lies that runs under another account than ours."""

import hashlib
import shutil
import subprocess
from pathlib import Path

from local.servers.errors import FolderUnusable
from local.servers.processes import Account, as_account

_ELSEWHERE = Path("/var/lib/vermoeden-run")


def place_data(folder: Path, account: Account | None) -> Path:
    """Return the real path for the data: `folder/data`, where the account can reach it.

    Root's own folders are closed to other accounts (a clone under /root, a temporary folder).
    Then the data lies under /var/lib/vermoeden-run and `folder/data` is a link to it: removing
    `folder` still means new data, for what no link points to is removed here.
    """
    data = folder / "data"
    if data.is_dir():
        return data.resolve()
    if account is None:
        return data
    folder.chmod(0o711)
    if _can_reach(folder, account):
        return data
    mark = hashlib.sha256(str(folder.resolve()).encode()).hexdigest()[:16]
    home = _ELSEWHERE / mark
    shutil.rmtree(home, ignore_errors=True)
    home.mkdir(parents=True, mode=0o711)
    if not _can_reach(home, account):
        raise FolderUnusable(f"The account of the server can reach neither {folder} nor {home}.")
    data.unlink(missing_ok=True)
    data.symlink_to(home / "data")
    return home / "data"


def erase(folder: Path) -> None:
    """Remove the folder of a server that does not run, with its data wherever that lies."""
    data = folder / "data"
    if data.is_symlink() and data.readlink().is_relative_to(_ELSEWHERE):
        shutil.rmtree(data.readlink().parent, ignore_errors=True)
    shutil.rmtree(folder, ignore_errors=True)


def _can_reach(folder: Path, account: Account) -> bool:
    command = ["setpriv", *as_account(account), "--", "test", "-x", str(folder)]
    return subprocess.run(command, check=False).returncode == 0
