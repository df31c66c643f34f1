"""``python -m intake``: serve, migrate, waiting, and anonymise."""

import sys

from common.commands import main

from intake.anonymiser.batch import anonymise_lines
from intake.main import serve
from intake.settings import IntakeSettings

if __name__ == "__main__":
    if sys.argv[1:] == ["anonymise"]:
        anonymise_lines()
    else:
        main("intake", IntakeSettings, serve)
