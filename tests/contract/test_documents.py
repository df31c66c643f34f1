"""The generated documents are up to date, valid by their own standards, and true of the front door."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import generate
import pytest
import yaml
from gateway.api import OWN_PREFIXES
from gateway.domain.routes import ROUTES, RouteTable
from jsonschema import Draft7Validator, Draft202012Validator
from making.api_page import operations_of
from making.asyncapi import asyncapi_text
from making.openapi import Document, documents
from openapi_spec_validator import validate

SERVICES = ("intake", "casework", "notifier", "reporting", "gateway")
_HERE = Path(__file__).parent


@pytest.fixture(scope="module")
def made() -> dict[str, str]:
    return generate.made_files()


@pytest.fixture(scope="module")
def described() -> dict[str, Document]:
    """The OpenAPI document of each service, made once."""
    return documents()


def test_the_committed_documents_are_up_to_date(made: dict[str, str]) -> None:
    assert generate.stale_files(generate.DOCS, made) == []
    assert generate.broken_files(generate.DOCS) == []


def test_the_same_code_makes_the_same_documents(made: dict[str, str]) -> None:
    assert generate.made_files() == made


def test_what_is_stale_missing_or_left_over_is_named(made: dict[str, str], tmp_path: Path) -> None:
    for name, text in made.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text, encoding="utf-8")
    assert generate.stale_files(tmp_path, made) == []
    (tmp_path / "events.md").write_text("old", encoding="utf-8")
    (tmp_path / "api.md").unlink()
    (tmp_path / "schemas/casework.report-vanished.v1.json").write_text("{}", encoding="utf-8")
    stale = generate.stale_files(tmp_path, made)
    assert stale == ["api.md", "events.md", "schemas/casework.report-vanished.v1.json"]
    (fault,) = generate.broken_files(tmp_path)
    assert fault.startswith("casework.report-vanished.v1 is spoken no more")


def test_the_asyncapi_document_is_valid_asyncapi_3() -> None:
    schema = json.loads((_HERE / "asyncapi-3.0.0.schema.json").read_text(encoding="utf-8"))
    document = yaml.safe_load(asyncapi_text())
    faults = [
        f"{fault.json_path}: {fault.message}" for fault in Draft7Validator(schema).iter_errors(document)
    ]
    assert faults == []


def test_every_reference_within_the_asyncapi_document_leads_somewhere() -> None:
    document = yaml.safe_load(asyncapi_text())
    for reference in _references(document):
        found: Any = document
        for part in reference.removeprefix("#/").split("/"):
            assert part in found, reference
            found = found[part]


def test_the_examples_in_the_asyncapi_document_fit_their_messages() -> None:
    document = yaml.safe_load(asyncapi_text())
    for name, message in document["components"]["messages"].items():
        schema = {**message["payload"], "components": document["components"]}
        faults = list(Draft202012Validator(schema).iter_errors(message["examples"][0]["payload"]))
        assert faults == [], name


@pytest.mark.parametrize("service", SERVICES)
def test_an_openapi_document_is_valid_and_tells_of_400_not_422(
    service: str, described: dict[str, Document]
) -> None:
    document = described[service]
    validate(document)
    for path, method, operation in operations_of(document):
        assert "422" not in operation["responses"], f"{method} {path}"
        assert "default" in operation["responses"], f"{method} {path}"
    assert "HTTPValidationError" not in json.dumps(document)


@pytest.mark.parametrize("service", SERVICES)
def test_every_answer_is_described_by_a_named_object(service: str, described: dict[str, Document]) -> None:
    for path, method, operation in operations_of(described[service]):
        told = next(told for code, told in operation["responses"].items() if code.startswith("2"))
        for kind, content in told.get("content", {}).items():
            named = content["schema"].keys() & {"$ref", "anyOf"}
            assert named or kind in {"text/csv", "application/octet-stream"}, f"{method} {path}"


@pytest.mark.parametrize("service", [each for each in SERVICES if each != "gateway"])
def test_what_a_service_offers_is_passed_on_to_it(service: str, described: dict[str, Document]) -> None:
    table = RouteTable()
    for path, method, _ in operations_of(described[service]):
        route = table.methods_of(_sample(path)).get(method)
        assert route, f"{method} {path} cannot be reached through the gateway"
        assert route.service == service, f"{method} {path} goes to {route.service}"


def test_what_the_door_names_in_full_is_offered_by_its_service(described: dict[str, Document]) -> None:
    offered = {
        (service, method, path)
        for service, document in described.items()
        for path, method, _ in operations_of(document)
    }
    named = {(each.service, each.method, each.pattern) for each in ROUTES if "{" not in each.pattern}
    assert named <= offered


def test_what_the_gateway_answers_itself_is_in_its_document(described: dict[str, Document]) -> None:
    for path, method, _ in operations_of(described["gateway"]):
        assert path.startswith(OWN_PREFIXES), f"{method} {path}"


def _sample(path: str) -> str:
    return "/".join("x" if part.startswith("{") else part for part in path.split("/"))


def _references(part: Any) -> Iterator[str]:
    if isinstance(part, dict):
        if isinstance(part.get("$ref"), str):
            yield part["$ref"]
        part = list(part.values())
    if isinstance(part, list):
        for each in part:
            yield from _references(each)
