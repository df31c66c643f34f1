"""The Kubernetes manifests: they render, fit the API, and give nobody more than they need."""

import re
import shutil
import subprocess
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import kubernetes_validate
import pytest
import yaml
from common.certificates import names_of
from common.flow import SERVICES
from gateway.settings import GatewaySettings
from intake.settings import IntakeSettings

from tests.support.deployment import memory_mib, required_names, secret_names, setting_names

FOLDER = Path(__file__).parents[2] / "deploy/k8s"
OVERLAYS = ("test", "production", "production-keda")
#: The oldest and the newest Kubernetes that the manifests are checked against.
VERSIONS = ("1.27", "1.32", "1.37")
#: Kinds that a cluster knows only when KEDA is installed.
KEDA = {"ScaledObject", "TriggerAuthentication"}
APPLIED_BY_HAND = "provisioning"
PRODUCTION = ("overlays/production", "overlays/production-keda", "overlays/production/provisioning")

Manifest = dict[str, Any]


@cache
def rendered(path: str) -> tuple[Manifest, ...]:
    """What `kubectl kustomize` makes of a folder."""
    kubectl = shutil.which("kubectl")
    assert kubectl, "kubectl is not on this machine; `make install-test` installs it"
    run = subprocess.run(
        [kubectl, "kustomize", str(FOLDER / path)], capture_output=True, text=True, timeout=60
    )
    assert run.returncode == 0, run.stderr
    return tuple(each for each in yaml.safe_load_all(run.stdout) if each)


def of_kind(path: str, *kinds: str) -> list[Manifest]:
    return [each for each in rendered(path) if each["kind"] in kinds]


def everything() -> Iterator[tuple[str, Manifest]]:
    for path in (*(f"overlays/{name}" for name in OVERLAYS), APPLIED_BY_HAND, PRODUCTION[-1]):
        for manifest in rendered(path):
            yield path, manifest


def pod_specs() -> Iterator[tuple[str, Manifest]]:
    for path, manifest in everything():
        if manifest["kind"] in {"Deployment", "Job"}:
            yield f"{path} {manifest['metadata']['name']}", manifest["spec"]["template"]["spec"]


def containers() -> Iterator[tuple[str, Manifest]]:
    for name, spec in pod_specs():
        for container in (*spec["containers"], *spec.get("initContainers", ())):
            yield name, container


def deployments(path: str) -> dict[str, Manifest]:
    return {
        each["metadata"]["labels"]["app.kubernetes.io/name"]: each for each in of_kind(path, "Deployment")
    }


@pytest.mark.parametrize("version", VERSIONS)
def test_every_manifest_fits_the_api(version: str) -> None:
    for path, manifest in everything():
        if manifest["kind"] not in KEDA:
            try:
                kubernetes_validate.validate(manifest, version, strict=True)
            except kubernetes_validate.ValidationError as error:
                raise AssertionError(f"{path} {manifest['kind']}: {error.message}") from error


def test_a_wrong_manifest_is_seen() -> None:
    wrong = {**of_kind("overlays/test", "Deployment")[0], "surprise": True}
    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate(wrong, VERSIONS[0], strict=True)


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_every_service_has_all_that_belongs_to_it(overlay: str) -> None:
    path = f"overlays/{overlay}"
    for kind in ("Deployment", "Service", "ServiceAccount", "PodDisruptionBudget"):
        names = {each["metadata"]["name"] for each in of_kind(path, kind)}
        assert names == {f"vermoeden-{service}" for service in SERVICES}, kind
    migrations = {each["metadata"]["name"] for each in of_kind(path, "Job")}
    assert migrations == {f"vermoeden-migration-{service}" for service in SERVICES}
    scaled = [
        each["spec"]["scaleTargetRef"]["name"]
        for each in of_kind(path, "HorizontalPodAutoscaler", "ScaledObject")
    ]
    assert sorted(scaled) == sorted(f"vermoeden-{service}" for service in SERVICES)  # each by one only


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_everything_is_in_the_namespace_of_its_environment(overlay: str) -> None:
    path = f"overlays/{overlay}"
    (namespace,) = of_kind(path, "Namespace")
    assert namespace["metadata"]["labels"]["pod-security.kubernetes.io/enforce"] == "restricted"
    others = [each for each in rendered(path) if each["kind"] != "Namespace"]
    assert {each["metadata"]["namespace"] for each in others} == {namespace["metadata"]["name"]}


def test_selectors_find_pods_and_only_those_of_their_service() -> None:
    for overlay in OVERLAYS:
        path = f"overlays/{overlay}"
        pods = {
            each["metadata"]["name"]: each["spec"]["template"]["metadata"]["labels"]
            for each in of_kind(path, "Deployment", "Job")
        }
        for each in of_kind(path, "Service", "PodDisruptionBudget", "Deployment"):
            selector = each["spec"]["selector"]
            wanted = selector.get("matchLabels", selector)
            found = [name for name, labels in pods.items() if wanted.items() <= labels.items()]
            assert found == [each["metadata"]["name"]], each["kind"]


def test_every_container_is_confined() -> None:
    for name, spec in pod_specs():
        context = spec["securityContext"]
        assert context["runAsNonRoot"] is True, name
        assert context["runAsUser"] >= 10000, name
        assert context["seccompProfile"] == {"type": "RuntimeDefault"}, name
        assert spec["automountServiceAccountToken"] is False, name
        assert spec["enableServiceLinks"] is False, name
        assert not {"hostNetwork", "hostPID", "hostIPC"} & spec.keys(), name
        kept = [volume for volume in spec["volumes"] if not {"secret", "emptyDir"} & volume.keys()]
        assert [volume["name"] for volume in kept] == (
            ["files"] if name.endswith("vermoeden-intake") else []
        ), name
    for name, container in containers():
        context = container["securityContext"]
        assert context["readOnlyRootFilesystem"] is True, name
        assert context["allowPrivilegeEscalation"] is False, name
        assert context["capabilities"] == {"drop": ["ALL"]}, name
        assert {"cpu", "memory"} <= container["resources"]["requests"].keys(), name
        assert "memory" in container["resources"]["limits"], name
        assert ":" in container["image"], name
        assert not container["image"].endswith(":latest"), name


def test_taking_reports_in_gets_the_processor_before_the_consumers() -> None:
    for overlay in OVERLAYS:
        asked = {}
        for name, each in deployments(f"overlays/{overlay}").items():
            (service,) = each["spec"]["template"]["spec"]["containers"]
            asked[name] = int(service["resources"]["requests"]["cpu"].removesuffix("m"))
        door = {name for name in asked if name.endswith(("gateway", "intake"))}
        assert len(door) == 2
        assert min(asked[name] for name in door) >= 4 * max(asked[name] for name in asked.keys() - door)


@pytest.mark.parametrize("overlay", OVERLAYS)
@pytest.mark.parametrize("service", ["gateway", "intake"])
def test_a_pod_holds_its_service_and_all_that_it_starts_apart(overlay: str, service: str) -> None:
    (found,) = deployments(f"overlays/{overlay}")[service]["spec"]["template"]["spec"]["containers"]
    assert int(found["resources"]["limits"]["memory"].removesuffix("Mi")) >= memory_mib(service)


def test_intake_keeps_files_on_a_volume_that_its_replicas_share() -> None:
    for overlay in OVERLAYS:
        path = f"overlays/{overlay}"
        (claim,) = of_kind(path, "PersistentVolumeClaim")
        assert claim["spec"]["accessModes"] == ["ReadWriteMany"]
        spec = deployments(path)["intake"]["spec"]["template"]["spec"]
        (volume,) = [each for each in spec["volumes"] if each["name"] == "files"]
        assert volume["persistentVolumeClaim"]["claimName"] == claim["metadata"]["name"]
        mounted = {each["name"]: each["mountPath"] for each in spec["containers"][0]["volumeMounts"]}
        assert mounted["files"] == str(IntakeSettings.model_fields["files_folder"].default)


def test_every_service_is_probed_on_its_operations_port_and_has_time_to_finish() -> None:
    for overlay in OVERLAYS:
        for name, deployment in deployments(f"overlays/{overlay}").items():
            spec = deployment["spec"]["template"]["spec"]
            (container,) = spec["containers"]
            ports = {each["name"]: each["containerPort"] for each in container["ports"]}
            assert ports == {"http": 8000, "operations": 9000}, name
            probes = {
                kind: container[f"{kind}Probe"]["httpGet"] for kind in ("startup", "liveness", "readiness")
            }
            assert {each["port"] for each in probes.values()} == {"operations"}, name
            assert probes["liveness"]["path"] == "/livez", name
            assert probes["readiness"]["path"] == "/servez", name
            assert container["lifecycle"]["preStop"], name
            assert spec["terminationGracePeriodSeconds"] >= 5 + 2 * 15, name
            spread = spec["topologySpreadConstraints"]
            assert {each["labelSelector"]["matchLabels"]["app.kubernetes.io/name"] for each in spread} == {
                name
            }


def test_no_secret_is_written_down() -> None:
    secret = ("url", "key", "password", "secret", "token")
    for path, manifest in everything():
        assert manifest["kind"] != "Secret", path
        if manifest["kind"] == "ConfigMap":
            assert not [name for name in manifest["data"] if _is_secret(name)], path
    for name, container in containers():
        for variable in container.get("env", ()):
            if any(word in variable["name"].lower() for word in secret):
                assert "@" not in variable.get("value", ""), f"{name} {variable['name']}"
            assert not _is_secret(variable["name"]), f"{name} {variable['name']}"


def _is_secret(variable: str) -> bool:
    name = variable.lower()
    return name.endswith(("_password", "_private_key", "broker_url")) or "_database_" in name


def _held(tmp_path: Path) -> dict[str, set[str]]:
    """What each Secret holds when it is made as docs/operators.md says."""
    for service in SERVICES:
        secret_names(tmp_path, service)
    folders = {f"vermoeden-{service}": tmp_path / service for service in SERVICES}
    folders |= {f"vermoeden-{service}-setup": tmp_path / "setup" / service for service in SERVICES}
    folders["vermoeden-admin"] = tmp_path / "setup/admin"
    return {secret: {file.name for file in folder.iterdir()} for secret, folder in folders.items()}


def _mounted(spec: Manifest, held: dict[str, set[str]]) -> dict[str, set[str]]:
    """The files that a pod sees of each Secret."""
    secrets = [volume["secret"] for volume in spec["volumes"] if "secret" in volume]
    return {
        each["secretName"]: {item["key"] for item in each["items"]}
        if "items" in each
        else held[each["secretName"]]
        for each in secrets
    }


def test_each_workload_sees_the_secrets_that_it_needs_and_no_other(tmp_path: Path) -> None:
    """The table follows from the settings: what a service reads, and who alone reads an owner's address."""
    held = _held(tmp_path)
    owner = "vermoeden_database_owner_url"
    addresses = {f"vermoeden_database_{role}_url" for role in ("owner", "web", "flow")} | {
        "vermoeden_broker_url"
    }
    seen = set()
    for name, spec in pod_specs():
        kind = name.rsplit(" ", 1)[1].removeprefix("vermoeden-")
        mounted = _mounted(spec, held)
        seen.add(kind)
        if kind == "provisioning":
            assert mounted.pop("vermoeden-admin") == held["vermoeden-admin"], name
            assert mounted == {f"vermoeden-{service}-setup": addresses for service in SERVICES}, name
            continue
        service = kind.removeprefix("migration-")
        ((secret, files),) = mounted.items()
        assert secret == f"vermoeden-{service}" + ("-setup" if kind.startswith("migration-") else ""), name
        assert (owner in files) == kind.startswith("migration-"), name
        settings = {file for file in files if file.startswith("vermoeden_")}
        assert {file.upper() for file in settings} <= setting_names(service), name
    assert seen == {*SERVICES, *(f"migration-{service}" for service in SERVICES), "provisioning"}


def test_no_secret_reaches_a_container_as_a_variable() -> None:
    """Variables are shown by `kubectl describe` and inherited by every child."""
    for name, container in containers():
        assert not [each for each in container.get("envFrom", ()) if "secretRef" in each], name
        assert not [
            each for each in container.get("env", ()) if "secretKeyRef" in each.get("valueFrom", {})
        ], name


@pytest.mark.parametrize("path", PRODUCTION)
def test_production_names_every_image_by_its_digest(path: str) -> None:
    found = [
        container["image"]
        for each in of_kind(path, "Deployment", "Job")
        for container in each["spec"]["template"]["spec"]["containers"]
    ]
    assert found
    for image in found:
        assert re.fullmatch(r"registry\.example\.org/vermoeden-[a-z]+@sha256:[0-9a-f]{64}", image), image


def _seconds(annotations: Manifest, name: str) -> float:
    return float(annotations[f"nginx.ingress.kubernetes.io/{name}"])


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_the_ingress_notes_nothing_keeps_nothing_and_waits_longer_than_the_gateway(overlay: str) -> None:
    (ingress,) = of_kind(f"overlays/{overlay}", "Ingress")
    assert ingress["spec"]["ingressClassName"] == "nginx"
    told = ingress["metadata"]["annotations"]
    off = {"enable-access-log", "enable-rewrite-log", "enable-opentelemetry", "enable-modsecurity"}
    assert {name: told[f"nginx.ingress.kubernetes.io/{name}"] for name in off} == dict.fromkeys(off, "false")
    for name in ("proxy-request-buffering", "proxy-buffering"):
        assert told[f"nginx.ingress.kubernetes.io/{name}"] == "off"
    assert told["nginx.ingress.kubernetes.io/proxy-max-temp-file-size"] == "0"
    # A form without script holds as many photos as a municipality takes: a cap here would break it off.
    assert told["nginx.ingress.kubernetes.io/proxy-body-size"] == "0"
    gateway = {name: field.default for name, field in GatewaySettings.model_fields.items()}
    assert _seconds(told, "proxy-connect-timeout") < _seconds(told, "proxy-send-timeout")
    assert _seconds(told, "proxy-send-timeout") > gateway["upload_idle_seconds"]
    assert _seconds(told, "proxy-read-timeout") > gateway["upload_seconds"] + gateway["upload_answer_seconds"]


def test_the_gateway_waits_for_a_file_longer_than_its_turn_and_its_cleaning_take() -> None:
    cleaning = IntakeSettings.model_fields["files_worker_seconds"].default
    waiting = 4 + cleaning + 5  # for a place, and for the one that is cleaned just now
    assert GatewaySettings.model_fields["upload_answer_seconds"].default > waiting + cleaning


def test_every_variable_is_a_setting_of_its_service(tmp_path: Path) -> None:
    for overlay in OVERLAYS:
        path = f"overlays/{overlay}"
        (shared,) = of_kind(path, "ConfigMap")
        anywhere = {name for service in SERVICES for name in setting_names(service)}
        assert shared["data"].keys() <= anywhere, overlay
        for service, deployment in deployments(path).items():
            (container,) = deployment["spec"]["template"]["spec"]["containers"]
            own = {each["name"] for each in container.get("env", ())}
            assert own <= setting_names(service), f"{overlay} {service}"
            given = own | shared["data"].keys()
            assert required_names(service) - given <= secret_names(tmp_path, service), f"{overlay} {service}"


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_every_hop_is_encrypted_from_the_ingress_on(overlay: str) -> None:
    path = f"overlays/{overlay}"
    for service, deployment in deployments(path).items():
        (container,) = deployment["spec"]["template"]["spec"]["containers"]
        given = {each["name"]: each.get("value", "") for each in container.get("env", ())}
        for variable, value in given.items():
            assert "://" not in value or value.startswith("https://"), f"{service} {variable}"
        assert not {"VERMOEDEN_DOOR_SECURITY", "VERMOEDEN_SMTP_SECURITY"} & given.keys()  # as they come: TLS
    (shared,) = of_kind(path, "ConfigMap")
    assert not {"VERMOEDEN_DOOR_SECURITY", "VERMOEDEN_SMTP_SECURITY"} & shared["data"].keys()
    (ingress,) = of_kind(path, "Ingress")
    told = {name.rpartition("/")[2]: value for name, value in ingress["metadata"]["annotations"].items()}
    assert (told["backend-protocol"], told["proxy-ssl-verify"]) == ("HTTPS", "on")
    assert told["proxy-ssl-name"] == "vermoeden-gateway"
    assert told["proxy-ssl-secret"] == f"{ingress['metadata']['namespace']}/vermoeden-authority"


def test_certificates_that_are_made_hold_the_names_that_pods_are_reached_by(tmp_path: Path) -> None:
    for service, deployment in deployments("overlays/production").items():
        secret_names(tmp_path, service)
        held = names_of((tmp_path / service / "tls.crt").read_text())
        assert deployment["metadata"]["name"] in held
    called = {
        urlsplit(each["value"]).hostname
        for each in deployments("overlays/production")["gateway"]["spec"]["template"]["spec"]["containers"][
            0
        ]["env"]
        if each["name"].endswith("_URL")
    }
    assert called == {f"vermoeden-{service}" for service in SERVICES if service != "gateway"}


def _policies(path: str) -> dict[str, Manifest]:
    return {each["metadata"]["name"]: each["spec"] for each in of_kind(path, "NetworkPolicy")}


def _selects(selector: Manifest, labels: Manifest) -> bool:
    return selector.get("matchLabels", {}).items() <= labels.items() and all(
        labels.get(each["key"]) in each["values"] for each in selector.get("matchExpressions", ())
    )


def _callers(path: str, labels: Manifest, port: int) -> list[Manifest]:
    """Who is let in on a port of a pod, over all policies."""
    return [
        peer
        for policy in _policies(path).values()
        if "Ingress" in policy["policyTypes"] and _selects(policy["podSelector"], labels)
        for rule in policy.get("ingress", ())
        if any(each["port"] == port for each in rule["ports"])
        for peer in rule["from"]
    ]


def _reached(path: str, labels: Manifest) -> dict[str, set[int]]:
    """The kinds of places that a pod may call, and on which ports."""
    found: dict[str, set[int]] = {}
    for policy in _policies(path).values():
        if "Egress" in policy["policyTypes"] and _selects(policy["podSelector"], labels):
            for rule in policy.get("egress", ()):
                for peer in rule["to"]:
                    found.setdefault(_place(peer), set()).update(each["port"] for each in rule["ports"])
    return found


def _place(peer: Manifest) -> str:
    if "ipBlock" in peer:
        return "anywhere"
    labels = peer.get("namespaceSelector", {}).get("matchLabels", {})
    return str(labels.get("vermoeden.nl/role") or labels.get("kubernetes.io/metadata.name") or "here")


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_only_the_gateway_reaches_services_and_only_the_door_reaches_the_gateway(overlay: str) -> None:
    path = f"overlays/{overlay}"
    deny = _policies(path)["vermoeden-deny-all"]
    assert deny == {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}
    for service, deployment in deployments(path).items():
        labels = deployment["spec"]["template"]["metadata"]["labels"]
        (caller,) = _callers(path, labels, 8000)
        if service == "gateway":
            assert _place(caller) == "door"
        else:
            assert caller["podSelector"]["matchLabels"]["app.kubernetes.io/name"] == "gateway"
        (watcher,) = _callers(path, labels, 9000)
        assert _place(watcher) == "monitoring"


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_each_pod_calls_only_what_it_needs(overlay: str) -> None:
    path = f"overlays/{overlay}"
    common = {"kube-system": {53}, "data": {5432, 5671}}
    more = {
        "gateway": {"here": {8000}},
        "intake": {"scanner": {3310}},
        "notifier": {"anywhere": {25, 465, 587}},
    }
    for service, deployment in deployments(path).items():
        labels = deployment["spec"]["template"]["metadata"]["labels"]
        assert _reached(path, labels) == {**common, **more.get(service, {})}, service
    for job in of_kind(path, "Job"):
        labels = job["spec"]["template"]["metadata"]["labels"]
        assert _reached(path, labels) == {"kube-system": {53}, "data": {5432}}, job["metadata"]["name"]
    (job,) = of_kind(APPLIED_BY_HAND, "Job")
    assert _reached(path, job["spec"]["template"]["metadata"]["labels"])["data"] == {5432, 15671}


def test_queues_scale_the_services_that_hear_events() -> None:
    scaled = of_kind("overlays/production-keda", "ScaledObject")
    assert {each["spec"]["scaleTargetRef"]["name"] for each in scaled} == {
        f"vermoeden-{service}" for service in ("casework", "notifier", "reporting")
    }
    for each in scaled:
        queue = next(trigger for trigger in each["spec"]["triggers"] if trigger["type"] == "rabbitmq")
        assert queue["metadata"]["queueName"] == each["spec"]["scaleTargetRef"]["name"].removeprefix(
            "vermoeden-"
        )
        assert "host" not in queue["metadata"]  # it holds a password: by reference only
        assert queue["authenticationRef"] == {"name": "vermoeden-queues"}
