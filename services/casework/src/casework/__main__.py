"""``python -m casework``: serve, migrate and waiting."""

from common.commands import main

from casework.main import serve
from casework.settings import CaseworkSettings

if __name__ == "__main__":
    main("casework", CaseworkSettings, serve)
