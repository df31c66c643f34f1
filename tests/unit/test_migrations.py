"""The migrations of every service form one line: two that follow the same one would stop every start."""

from pathlib import Path

import pytest
from alembic.config import Config
from alembic.script import ScriptDirectory
from common.flow import SERVICES

from tests.support.composing import ROOT


def _folder(service: str) -> Path:
    package = ROOT / service if service == "gateway" else ROOT / "services" / service
    return package / "src" / service / "migrations"


@pytest.mark.parametrize("service", SERVICES)
def test_migrations_form_one_line(service: str) -> None:
    config = Config()
    config.set_main_option("script_location", str(_folder(service)))
    config.set_main_option("path_separator", "os")
    heads = ScriptDirectory.from_config(config).get_heads()
    assert len(heads) == 1, f"{service} has several newest migrations: {', '.join(heads)}"
