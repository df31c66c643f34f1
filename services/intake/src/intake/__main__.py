"""``python -m intake``: serve, migrate, waiting, and anonymise."""

import sys


def _main() -> None:
    if sys.argv[1:] == ["anonymise"]:
        from intake.anonymiser.batch import main as anonymise  # noqa: PLC0415  (needs no web server, starts in a third)

        anonymise()
        return
    from common.commands import main  # noqa: PLC0415

    from intake.main import serve  # noqa: PLC0415
    from intake.settings import IntakeSettings  # noqa: PLC0415

    main("intake", IntakeSettings, serve)


if __name__ == "__main__":
    _main()
