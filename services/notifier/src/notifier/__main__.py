"""``python -m notifier``: serve, migrate, waiting, and partner queues."""

import sys

from common.commands import main

from notifier.main import serve
from notifier.partners import COMMANDS, run_partners
from notifier.settings import NotifierSettings

if __name__ == "__main__":
    if sys.argv[1:2] in ([name] for name in COMMANDS):
        run_partners(sys.argv[1:])
    else:
        main("notifier", NotifierSettings, serve)
