"""What is installed is what was locked: every package by its hashes, and no lock that has drifted."""

import hashlib
import os
import re
import shutil
import subprocess
import sys
import tomllib
import zipfile
from importlib.metadata import distribution
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[2]
PROJECTS = sorted(
    file
    for folder in ("libs", "services", "gateway", "deploy")
    for file in (ROOT / folder).rglob("pyproject.toml")
)
_ENTRY = re.compile(r"([a-zA-Z0-9][\w.-]*)==(\S+)((?: \\\n    --hash=sha256:[0-9a-f]{64})+)\n")
_OURS = "vermoeden-"
#: Where packages are installed for the product.
INSTALLERS = (
    "deploy/local/install.sh",
    "deploy/Dockerfile",
    "deploy/compose/mail.Dockerfile",
    "deploy/lock.sh",
)


def _locked() -> dict[str, str]:
    text = (ROOT / "requirements.lock").read_text("ascii")
    assert _ENTRY.sub("", text) == "", "the lock holds pins and their hashes, and nothing else"
    return {canonicalize_name(name): version for name, version, _ in _ENTRY.findall(text)}


def _pinned() -> dict[str, str]:
    lines = (ROOT / "constraints.txt").read_text("ascii").splitlines()
    return {canonicalize_name(name): version for name, _, version in (line.partition("==") for line in lines)}


def _asked() -> set[str]:
    """Every requirement that this repository names itself."""
    asked = {
        line
        for line in (ROOT / "requirements-test.txt").read_text("ascii").splitlines()
        if line and not line.startswith("#")
    }
    for file in PROJECTS:
        project = tomllib.loads(file.read_text("utf-8"))
        asked |= {*project["project"]["dependencies"], *project["build-system"]["requires"]}
    return {each for each in asked if not each.startswith(_OURS)}


def test_the_lock_holds_what_is_pinned_and_no_address() -> None:
    assert len(PROJECTS) == 7
    assert _locked() == _pinned(), "run: make lock"


def test_everything_that_is_needed_is_locked_and_installed_as_locked() -> None:
    """Down to what packages need of each other, as their own metadata say."""
    locked, waiting, seen = _locked(), {*_asked(), "pip", "hatchling", "editables"}, set()
    while waiting:
        requirement = Requirement(waiting.pop())
        name = canonicalize_name(requirement.name)
        if (key := (name, frozenset(requirement.extras))) in seen:
            continue
        seen.add(key)
        assert name in locked, f"{name} is not pinned: add it to constraints.txt, then run: make lock"
        found = distribution(name)
        assert found.version == locked[name], name
        assert found.version in requirement.specifier, requirement
        for text in found.requires or ():
            needed = Requirement(text)
            extras = requirement.extras or {""}
            if needed.marker is None or any(needed.marker.evaluate({"extra": extra}) for extra in extras):
                waiting.add(f"{needed.name}[{','.join(needed.extras)}]{needed.specifier}")
    assert len(seen) > 90


def _installations(text: str) -> list[str]:
    """Each call of pip that installs or builds, with the variables in it spelled out."""
    text = text.replace("\\\n", " ")
    for _ in range(2):  # one is made of another
        for name, meaning in re.findall(r'(\w+)=(?:"([^"]*)")', text) + re.findall(
            r"(\w+)=\(([^)]*)\)", text
        ):
            text = re.sub(rf'"?\$\{{{name}(\[@\])?\}}"?', meaning.replace("\\", ""), text)
    calls = re.split(r"&&|\|\||\n", text)
    return [each for each in calls if re.search(r"-m pip\b.*\s(install|wheel)\s", each) and "=(" not in each]


@pytest.mark.parametrize("path", INSTALLERS)
def test_every_installation_asks_for_hashes_or_takes_nothing_from_elsewhere(path: str) -> None:
    calls = _installations((ROOT / path).read_text("utf-8"))
    assert calls
    for each in calls:
        by_hash = "--require-hashes" in each and "--only-binary :all:" in each
        assert by_hash or ("--no-index" in each and "--no-deps" in each), each.strip()


def test_an_installation_without_hashes_is_seen() -> None:
    written = 'ENV A="install --quiet"\nRUN python -m pip ${A} x && python -m pip install --no-index y\n'
    assert len(_installations(written)) == 2
    assert not any("--require-hashes" in each for each in _installations(written))


def _wheel(folder: Path, content: str) -> str:
    """A wheel of one module; returns its SHA-256."""
    file = folder / "proef-1.0-py3-none-any.whl"
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("proef.py", content)
        archive.writestr("proef-1.0.dist-info/METADATA", "Metadata-Version: 2.1\nName: proef\nVersion: 1.0\n")
        archive.writestr(
            "proef-1.0.dist-info/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        )
        archive.writestr("proef-1.0.dist-info/RECORD", "")
    return hashlib.sha256(file.read_bytes()).hexdigest()


def _install(folder: Path, lock: Path) -> subprocess.CompletedProcess[str]:
    command = [
        *(sys.executable, "-m", "pip", "install", "--quiet", "--no-index", "--find-links", str(folder)),
        *("--only-binary", ":all:", "--require-hashes", "--constraint", str(lock)),
        *("--target", str(folder / "into"), "proef"),
    ]
    environment = {
        "PATH": os.environ["PATH"],
        "PIP_CONFIG_FILE": os.devnull,
        "PIP_DISABLE_PIP_VERSION_CHECK": "1",
    }
    return subprocess.run(command, capture_output=True, text=True, env=environment, timeout=120)


@pytest.mark.parametrize(
    ("pin", "says"),
    [("", "hash"), ("proef==1.0 --hash=sha256:" + "0" * 64, "DO NOT MATCH")],
    ids=["not locked", "another file under the same name"],
)
def test_a_package_that_is_not_as_locked_is_refused(tmp_path: Path, pin: str, says: str) -> None:
    lock = tmp_path / "lock.txt"
    right = _wheel(tmp_path, "x = 1\n")
    lock.write_text(f"{pin}\n")
    refused = _install(tmp_path, lock)
    assert refused.returncode != 0
    assert says in refused.stderr
    assert not (tmp_path / "into/proef.py").exists()
    lock.write_text(f"proef==1.0 --hash=sha256:{right}\n")
    taken = _install(tmp_path, lock)
    assert taken.returncode == 0, taken.stderr


def test_one_package_is_taken_out_of_the_lock_whole() -> None:
    command = [str(ROOT / "deploy/locked.sh"), "pip"]
    told = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert _ENTRY.fullmatch(told)
    assert told.startswith("pip==")
    command[1] = "no-such-package"
    assert subprocess.run(command, capture_output=True).returncode != 0


def test_digests_are_printed_for_compose_and_kustomize_or_refused(tmp_path: Path) -> None:
    script = str(ROOT / "deploy/digests.sh")
    docker = tmp_path / "docker"
    digest = "sha256:" + "a" * 64

    def run(*arguments: str, answer: str = digest) -> subprocess.CompletedProcess[str]:
        docker.write_text(f"#!/bin/sh\necho '{answer}'\n")
        docker.chmod(0o755)
        path = f"{tmp_path}:{Path(shutil.which('bash') or '/bin/bash').parent}:/usr/bin:/bin"
        return subprocess.run(
            [script, *arguments], capture_output=True, text=True, env={"PATH": path}, timeout=30
        )

    lines = run("--env").stdout.splitlines()
    assert [line.partition("=")[0] for line in lines] == [
        f"VERMOEDEN_{name}_IMAGE" for name in ("BASE", "POSTGRES", "RABBITMQ")
    ]
    assert all(line.endswith(f"@{digest}") for line in lines)
    block = run("--kustomize", "registry.example.org/v", "0.1.0").stdout
    assert block.startswith(
        "images:\n  - name: vermoeden-intake\n    newName: registry.example.org/v/vermoeden-intake\n"
    )
    assert block.count(f"    digest: {digest}\n") == 5
    for wrong in ("", "latest", "sha256:abc"):
        refused = run("--env", answer=wrong)
        assert refused.returncode != 0
        assert "gave no digest for python:3.13-slim" in refused.stderr
        assert refused.stdout == ""
