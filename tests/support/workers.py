"""The process that runs tests: alone, or one of several workers of pytest-xdist beside one another."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, Self

import pytest


@dataclass(frozen=True)
class Worker:
    """Which of how many it is, and what the process that started it decided for all."""

    number: int = 0
    count: int = 1
    told: Mapping[str, Any] = field(default_factory=dict)

    #: Under this name: why the compose file cannot be brought up, empty when it can.
    OBSTACLE: ClassVar[str] = "compose_obstacle"

    @classmethod
    def of(cls, config: pytest.Config) -> Self:
        """The process of this configuration; one that runs alone is the only one of one."""
        told: Mapping[str, Any] = getattr(config, "workerinput", {})
        if not told:
            return cls()
        return cls(int(told["workerid"].removeprefix("gw")), int(told["workercount"]), told)

    def share_of(self, numbers: range) -> range:
        """Every so many-th of them: no two workers of a run have one in common."""
        return numbers[self.number % self.count :: self.count]
