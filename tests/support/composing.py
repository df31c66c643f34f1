"""The compose file brought up by a Docker engine under a name of its own, and taken down with its data."""

import json
import os
import secrets
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from local.servers import free_port

from tests.support.backing import CHOICE

ROOT = Path(__file__).parents[2]
IMAGES = ("python:3.13-slim", "postgres:17", "rabbitmq:4-management")


def obstacle(environment: Mapping[str, str]) -> str | None:
    """Why the compose file cannot be brought up here, or None; nothing is downloaded to find out.

    `VERMOEDEN_TEST_BACKING=containers` demands it: then the tests run, and fail where they cannot.
    """
    wanted = environment.get(CHOICE, "")
    if wanted == "containers":
        return None
    if wanted == "native":
        return f"{CHOICE} is native"
    if not shutil.which("docker"):
        return "there is no docker command"
    for arguments in (("version",), ("compose", "version"), ("buildx", "version")):
        if not _answers(*arguments):
            return f"`docker {' '.join(arguments)}` does not answer"
    missing = [image for image in IMAGES if not _answers("image", "inspect", image)]
    return f"the engine does not have {' and '.join(missing)}" if missing else None


def _answers(*arguments: str) -> bool:
    try:
        run = subprocess.run(["docker", *arguments], capture_output=True, timeout=30)
    except subprocess.TimeoutExpired:  # an engine that hangs
        return False
    return run.returncode == 0


class Composed:
    """The whole system in containers, with the demo's municipality and mail catcher."""

    def __init__(self) -> None:
        name = f"vermoeden-test-{secrets.token_hex(4)}"
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self._command = ("docker", "compose", "--project-name", name, "--profile", "demo")
        self._environment = {
            **os.environ,
            "COMPOSE_PROGRESS": "plain",
            "VERMOEDEN_PORT": str(self.port),
            "VERMOEDEN_VERSION": name.removeprefix("vermoeden-"),
        }

    def run(self, *arguments: str, seconds: float = 240, text: str = "") -> str:
        """Run one compose command; what it prints, or AssertionError with its complaint."""
        run = subprocess.run(
            [*self._command, *arguments],
            cwd=ROOT,
            env=self._environment,
            input=text,
            capture_output=True,
            text=True,
            timeout=seconds,
        )
        assert run.returncode == 0, f"docker compose {' '.join(arguments)}:\n{run.stdout}\n{run.stderr}"
        return run.stdout

    def containers(self) -> dict[str, dict[str, Any]]:
        """What the engine knows of each container, by its name in the compose file."""
        ids = self.run("ps", "--all", "--quiet").split()
        run = subprocess.run(["docker", "inspect", *ids], capture_output=True, text=True, check=True)
        return {
            each["Config"]["Labels"]["com.docker.compose.service"]: each for each in json.loads(run.stdout)
        }

    def is_internal(self, network: str) -> bool:
        """Whether a network has no way out."""
        arguments = ("docker", "network", "inspect", "--format", "{{.Internal}}", network)
        return subprocess.run(arguments, capture_output=True, text=True, check=True).stdout.strip() == "true"

    def python(self, service: str, code: str) -> str:
        """What a piece of Python prints inside a service's container."""
        return self.run("exec", "-T", service, "python", "-c", code, seconds=60).strip()

    def remove(self) -> None:
        """Take down everything that was made: containers, volumes, networks, and the images' names."""
        images = {each["Config"]["Image"] for each in self.containers().values()} - set(IMAGES)
        self.run("down", "--volumes", "--remove-orphans", "--timeout", "5")
        subprocess.run(["docker", "image", "rm", *images], capture_output=True, timeout=60)
