"""The compose file as it is written: who is confined, who meets whom, and who holds which secret."""

import re
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml
from common.certificates import names_of
from common.flow import SERVICES
from common.migration import SERVER_SETTINGS
from gateway.configuration import MunicipalityState, faults_of

from tests.support.backing import CHOICE
from tests.support.composing import ROOT, obstacle
from tests.support.deployment import memory_mib, required_names, secret_names, setting_names

SHOVEL = {"rabbitmq_shovel", "rabbitmq_shovel_management"}  # fills the queues of partners
SERVERS = {"postgres": "postgres:17", "rabbitmq": "rabbitmq:4-management"}
JOBS = ("secrets", "provisioning", "municipality", *(f"migrate-{service}" for service in SERVICES))
#: Dockerfiles and compose file: what is built and run.
WRITTEN = ("docker-compose.yml", "deploy/Dockerfile", "deploy/compose/mail.Dockerfile")


#: The services that read hostile content in programs apart.
READERS = ("gateway", "intake")


@cache
def compose() -> dict[str, Any]:
    return dict(yaml.safe_load((ROOT / "docker-compose.yml").read_text(encoding="utf-8")))


def container(name: str) -> dict[str, Any]:
    return dict(compose()["services"][name])


def volumes(name: str) -> dict[str, str]:
    """What is mounted, by source (and the folder within it), with how."""
    return dict(_mount(each) for each in container(name).get("volumes", ()))


def _mount(written: str | dict[str, Any]) -> tuple[str, str]:
    if isinstance(written, str):
        source, _, how = written.partition(":")
        return source, how
    assert written["type"] == "volume"
    source = f"{written['source']}/{written['volume']['subpath']}"
    return source, written["target"] + (":ro" if written.get("read_only") else "")


def test_there_is_nothing_but_servers_jobs_services_and_the_demos_mail() -> None:
    assert set(compose()["services"]) == {*SERVERS, *JOBS, *SERVICES, "mail"}
    assert {name: container(name)["image"] for name in SERVERS} == {
        name: f"${{VERMOEDEN_{name.upper()}_IMAGE:-{image}}}" for name, image in SERVERS.items()
    }


def test_plain_up_starts_everything_but_the_demo() -> None:
    in_profile = {name for name, each in compose()["services"].items() if "profiles" in each}
    assert in_profile == {"mail", "municipality"}


def test_only_the_gateway_has_a_port_and_only_on_loopback() -> None:
    ports = {name: each["ports"] for name, each in compose()["services"].items() if "ports" in each}
    assert ports.keys() == {"gateway"}
    assert all(port.startswith("127.0.0.1:") for port in ports["gateway"])


def test_taking_reports_in_gets_the_processor_before_the_consumers() -> None:
    shares = {name: container(name).get("cpu_shares", 1024) for name in (*SERVICES, *SERVERS)}
    behind = {"casework", "notifier", "reporting"}
    assert max(shares[name] for name in behind) < min(shares[name] for name in shares.keys() - behind)


@pytest.mark.parametrize("name", [*JOBS, *SERVICES, "mail"])
def test_every_process_of_ours_is_confined(name: str) -> None:
    each = container(name)
    assert each["read_only"] is True
    assert each["cap_drop"] == ["ALL"]
    assert "cap_add" not in each
    assert each["security_opt"] == ["no-new-privileges:true"]
    assert each["tmpfs"]
    assert each["mem_limit"]
    assert each["pids_limit"]
    assert not {"privileged", "user", "pid", "devices"} & each.keys()  # the image's own user, no root


@pytest.mark.parametrize("name", SERVERS)
def test_a_server_keeps_only_what_it_needs_to_leave_root(name: str) -> None:
    each = container(name)
    assert each["cap_drop"] == ["ALL"]
    assert set(each["cap_add"]) == {"CHOWN", "DAC_OVERRIDE", "FOWNER", "SETGID", "SETUID"}
    assert each["security_opt"] == ["no-new-privileges:true"]
    assert each["healthcheck"]["test"]


@pytest.mark.parametrize("service", READERS)
def test_a_container_holds_its_service_and_all_that_it_starts_apart(service: str) -> None:
    limit = container(service).get("mem_limit", "0m")
    assert int(limit.removesuffix("m")) >= memory_mib(service)


def test_no_two_services_meet_and_only_two_have_a_way_out() -> None:
    networks = compose()["networks"]
    closed = {name for name, each in networks.items() if each.get("internal")}
    assert closed == set(SERVICES)
    for service in SERVICES:
        mine = set(container(service)["networks"])
        if service == "gateway":
            assert mine == {"door", *SERVICES}
        else:
            assert mine == {service, *({"mail"} if service == "notifier" else ())}
    assert all(set(container(name)["networks"]) == set(SERVICES) for name in SERVERS)
    assert container("mail")["networks"] == ["mail"]
    for name in JOBS:
        assert container(name).get("network_mode") == "none" or set(container(name)["networks"]) <= closed


def test_every_service_holds_its_own_secrets_and_cannot_change_them() -> None:
    for service in SERVICES:
        files = {"intake-files": "/var/lib/vermoeden/files"} if service == "intake" else {}
        assert volumes(service) == {f"secrets-{service}": "/run/secrets:ro", **files}
        assert volumes(f"migrate-{service}") == {f"secrets-setup/{service}": f"/secrets/setup/{service}:ro"}
        folder = container(f"migrate-{service}")["environment"]["VERMOEDEN_SECRETS_FOLDER"]
        assert folder == f"/secrets/setup/{service}"
    for server in SERVERS:
        assert volumes(server)[f"secrets-{server}"] == "/run/secrets:ro"
    assert volumes("provisioning") == {  # not setup/keys, the pairs of which services hold the halves
        f"secrets-setup/{name}": f"/secrets/setup/{name}:ro" for name in ("admin", *SERVICES)
    }
    holders = {name for name in compose()["services"] if "secrets-setup" in volumes(name)}
    assert holders == {"secrets"}
    writers = {
        name
        for name in compose()["services"]
        for source, how in volumes(name).items()
        if source.startswith("secrets-") and not how.endswith(":ro")
    }
    assert writers == {"secrets"}
    assert container("secrets")["network_mode"] == "none"


def test_the_key_that_signs_certificates_is_seen_by_the_job_that_makes_them_only() -> None:
    holders = {name for name in compose()["services"] if "secrets-authority" in volumes(name)}
    assert holders == {"secrets"}
    own = {name: f"secrets-{name}" for name in (*SERVICES, *SERVERS, "mail")}
    for name, source in own.items():
        assert [each for each in volumes(name) if each.startswith("secrets-")] == [source]


def test_every_hop_is_encrypted_and_what_is_plain_stays_on_this_machine() -> None:
    for name, each in compose()["services"].items():
        for variable, value in each.get("environment", {}).items():
            if "://" in value and variable != "VERMOEDEN_PUBLIC_URL":
                assert value.startswith("https://"), f"{name} {variable}"
    assert container("notifier")["environment"]["VERMOEDEN_SMTP_SECURITY"].endswith(":-starttls}")
    plain = {
        name
        for name in compose()["services"]
        if "VERMOEDEN_DOOR_SECURITY" in container(name).get("environment", {})
    }
    assert plain == {"gateway"}  # whose port is on loopback, above
    signing_in = (ROOT / "deploy/compose/pg_hba.conf").read_text(encoding="utf-8")
    kinds = {line.split()[0] for line in signing_in.splitlines() if line and not line.startswith("#")}
    assert kinds == {"local", "hostssl"}
    started = container("postgres")["command"]
    assert {"ssl=on", "hba_file=/etc/vermoeden/pg_hba.conf"} <= set(started)
    broker = (ROOT / "deploy/compose/rabbitmq.conf").read_text(encoding="utf-8")
    assert "listeners.tcp = none" in broker
    assert "management.tcp" not in broker
    plugins = (ROOT / "deploy/compose/enabled_plugins").read_text(encoding="utf-8")
    assert {"rabbitmq_management", *SHOVEL} <= set(re.findall(r"\w+", plugins))
    assert "enabled_plugins /etc/rabbitmq/enabled_plugins" in " ".join(container("rabbitmq")["entrypoint"])
    caught = (ROOT / "deploy/compose/mail.Dockerfile").read_text(encoding="utf-8")
    assert "--tlscert" in caught
    assert "--no-requiretls" not in caught


def test_postgresql_logs_nothing_that_a_row_holds() -> None:
    started = container("postgres")["command"]
    made = dict(each.split("=", 1) for each in started if "=" in each)
    by_default = {"track_commit_timestamp", "log_statement", "log_min_duration_statement"}
    for name, fit in SERVER_SETTINGS.items():
        assert made.get(name) in fit or (name in by_default and name not in made), name


def test_the_addresses_that_are_made_fit_the_servers_of_the_file(tmp_path: Path) -> None:
    for service in SERVICES:
        secret_names(tmp_path, service)
    made = {file.name: file.read_text() for file in (tmp_path / "intake").iterdir()}
    assert "@postgres:5432/intake?sslmode=verify-full" in made["vermoeden_database_web_url"]
    assert made["vermoeden_broker_url"].endswith("@rabbitmq:5671/")
    for name in (*SERVERS, *SERVICES, "mail"):
        assert name in names_of((tmp_path / name / "tls.crt").read_text())


def test_no_secret_is_written_down() -> None:
    for name, each in compose()["services"].items():
        for variable, value in each.get("environment", {}).items():
            secret = re.search(r"PASSWORD|PRIVATE|BROKER|DATABASE|TOKEN", variable)
            assert not secret, f"{name} {variable}"
            assert "@" not in str(value) or variable == "VERMOEDEN_SENDER", f"{name} {variable}"


@pytest.mark.parametrize("service", SERVICES)
def test_every_variable_is_a_setting_and_every_setting_is_given(service: str, tmp_path: Path) -> None:
    given = set(container(service)["environment"])
    assert given <= setting_names(service)
    assert required_names(service) - given <= secret_names(tmp_path, service)


@pytest.mark.parametrize("service", SERVICES)
def test_every_service_is_built_from_its_own_package_and_starts_after_its_migration(service: str) -> None:
    each = container(service)
    base = "${VERMOEDEN_BASE_IMAGE:-python:3.13-slim}"
    assert each["build"]["args"] == {"PACKAGE": service, "BASE_IMAGE": base}
    assert each["build"]["dockerfile"] == "deploy/Dockerfile"
    image = f"vermoeden-{service}:"
    assert each["image"].startswith(image)
    assert container(f"migrate-{service}")["image"].startswith(image)
    assert each["depends_on"][f"migrate-{service}"] == {"condition": "service_completed_successfully"}
    assert each["restart"] == "unless-stopped"


@pytest.mark.parametrize("name", JOBS)
def test_a_job_runs_once_and_is_never_fetched(name: str) -> None:
    each = container(name)
    assert each["restart"] == "no"
    assert each["pull_policy"] == "never"
    assert each["healthcheck"] == {"disable": True}


def test_the_image_runs_as_nobody_in_particular_and_is_asked_for_its_health() -> None:
    written = (ROOT / "deploy/Dockerfile").read_text(encoding="utf-8")
    last = written.rpartition("\nFROM ")[2]
    for line in (
        "USER 10001:10001",
        "STOPSIGNAL SIGTERM",
        "HEALTHCHECK",
        "PYTHONDONTWRITEBYTECODE=1",
        "/readyz",
    ):
        assert line in last, line
    assert "pip" not in last  # what installs stays behind
    assert all(f"|{name}" in written or f"{name}|" in written for name in SERVICES if name != "gateway")


def test_every_image_of_others_can_be_named_by_its_digest() -> None:
    """`deploy/digests.sh --env` writes these names; a tag stands for who has not asked a registry yet."""
    text = (ROOT / "docker-compose.yml").read_text(encoding="utf-8")
    for name, image in {
        "BASE": "python:3.13-slim",
        **{key.upper(): each for key, each in SERVERS.items()},
    }.items():
        assert text.count(f"${{VERMOEDEN_{name}_IMAGE:-{image}}}") == 1
    for path in WRITTEN[1:]:
        for line in (ROOT / path).read_text(encoding="utf-8").splitlines():
            if line.startswith("FROM "):
                assert line.split()[1] in ("${BASE_IMAGE}", "common"), line


@pytest.mark.parametrize("path", WRITTEN)
def test_no_package_host_is_named(path: str) -> None:
    text = (ROOT / path).read_text(encoding="utf-8")
    hosts = set(re.findall(r"https?://([\w.-]+)", text))
    assert hosts <= {"127.0.0.1", *SERVICES}


def test_what_keeps_the_file_from_being_brought_up_is_told() -> None:
    assert obstacle({CHOICE: "native"}) == f"{CHOICE} is native"
    assert obstacle({CHOICE: "containers"}) is None  # demanded: it runs, and fails where it cannot


def test_the_demo_describes_a_municipality_that_can_be_configured() -> None:
    content = yaml.safe_load((ROOT / "deploy/compose/demo/waterdam.yaml").read_text(encoding="utf-8"))
    assert faults_of(MunicipalityState.model_validate(content)) == []
