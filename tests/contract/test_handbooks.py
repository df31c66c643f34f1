"""What the handbooks tell people to do is possible: links lead somewhere, and examples are accepted."""

import json
import re
from pathlib import Path

import pytest
import yaml
from casework.domain import CONDITIONS, WORKING_HOURS
from common.contracts.codes import Role
from common.vouching import Signing, new_signing_key
from gateway.configuration import MunicipalityState, faults_of
from gateway.signing import signed
from jsonschema import Draft202012Validator
from reporting.columns import COLUMNS
from reporting.filters import PARAMETERS

ROOT = Path(__file__).parents[2]
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
_LINK = re.compile(r"\]\(([^)\s]+)\)")
_CODE = re.compile(r"^```(\w*)\n(.*?)^```", re.MULTILINE | re.DOTALL)


def _text(name: str) -> str:
    return (ROOT / "docs" / name).read_text(encoding="utf-8")


def _block(name: str, language: str) -> str:
    """The first block of code in this language on a page."""
    return next(block[2] for block in _CODE.finditer(_text(name)) if block[1] == language)


def _anchors(page: Path) -> set[str]:
    headings = re.findall(r"^#+ (.+)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_leads_somewhere(page: Path) -> None:
    dead = []
    for link in _LINK.findall(page.read_text(encoding="utf-8")):
        path, _, anchor = link.partition("#")
        if path.startswith(("http:", "https:", "mailto:")):
            continue
        target = (page.parent / path).resolve() if path else page
        if not target.exists() or (anchor and anchor not in _anchors(target)):
            dead.append(link)
    assert dead == []


def test_the_example_of_a_municipality_is_accepted() -> None:
    state = MunicipalityState.model_validate(yaml.safe_load(_block("administrators.md", "yaml")))
    assert {each.code for each in faults_of(state)} == {"no-signer"}  # as long as nobody signed its keys
    assert faults_of(signed(state, Signing(new_signing_key()))) == []


def test_the_example_of_an_offer_fits_its_schema() -> None:
    offer = json.loads(_block("partners.md", "json"))
    schema = json.loads(_text("schemas/casework.report-offered.v1.json"))
    assert list(Draft202012Validator(schema).iter_errors(offer["data"])) == []
    assert offer["type"] == "nl.vermoeden.casework.report-offered.v1"


def test_the_handbooks_name_the_roles_the_hours_and_the_conditions_that_exist() -> None:
    roles = set(re.findall(r"^\| `([a-z-]+)` \|", _text("administrators.md"), re.MULTILINE))
    assert roles == {role.value for role in Role}
    hours = dict(re.findall(r"^\| (\w+) \| (\d+) werku", _text("handlers.md"), re.MULTILINE))
    assert hours == {urgency: str(each) for urgency, each in WORKING_HOURS.items()}
    for condition in CONDITIONS:
        assert f"`{condition}`" in _text("process-managers.md")


def test_the_csv_handbook_names_every_column_and_parameter() -> None:
    page = _text("csv.md")
    for name in [*PARAMETERS, *(column.name for column in COLUMNS)]:
        assert f"`{name}`" in page, name


def test_the_description_for_catalogues_is_complete() -> None:
    described = yaml.safe_load((ROOT / "publiccode.yml").read_text(encoding="utf-8"))
    assert described["legal"]["license"] == "EUPL-1.2"
    assert (ROOT / "LICENSE").read_text(encoding="utf-8").startswith("# EUROPEAN UNION PUBLIC LICENCE v. 1.2")
    for language in described["localisation"]["availableLanguages"]:
        told = described["description"][language]
        assert len(told["shortDescription"]) <= 150
        assert 150 <= len(told["longDescription"]) <= 10_000
