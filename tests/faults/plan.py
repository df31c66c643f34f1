"""How much one run does, and how long it may take."""

import json
from dataclasses import dataclass

TOWNS = ("waterdam", "polderveen")
SERVICES = ("gateway", "intake", "casework", "notifier", "reporting")
#: What is killed; a relay lives in its service's process and is killed while it holds rows.
KINDS = (*SERVICES, "relay", "broker", "postgres")

_NOTIFIER = {
    "VERMOEDEN_DELIVERY_LEASE_SECONDS": "10",
    "VERMOEDEN_DELIVERY_POLL_SECONDS": "0.2",
    "VERMOEDEN_DELIVERY_RETRY_SECONDS": "[1, 1, 2, 2, 5, 5]",
}
#: All clients come from one address here.
_GATEWAY = {
    "VERMOEDEN_WORK_BLOCK_SHARE": "100",
    "VERMOEDEN_WORK_MUNICIPALITY_SHARE": "100",
    "VERMOEDEN_PROOF_BITS": "0",  # what is proved here is something else
}


@dataclass(frozen=True)
class Plan:
    """One run; `seconds` bounds it from when all is up to the last comparison; a start has its own bound."""

    reports: int  # at least so many are accepted
    kills: int  # of each kind, at least
    erasures: int
    poison: int  # reports that make casework fail, and as many that kill whoever handles them
    rate: float  # reports posted a second
    clients: int = 8
    repeats: int = 3_000  # copies of events that are delivered again
    held: tuple[str, ...] = ("reporting", "notifier", "casework")  # kept down until its queue has grown
    retry_seconds: tuple[float, ...] = (0.5, 1, 2)
    lease_seconds: float = 6
    seconds: float = 480.0
    seed: int = 20_261_124

    @property
    def with_mail(self) -> int:
        """Of this many reports, all but one leave a mail address."""
        return 3

    @property
    def environment(self) -> dict[str, dict[str, str]]:
        """Settings per service; shorter waits than in production, so that a run takes minutes."""
        common = {
            "VERMOEDEN_RETRY_SECONDS": json.dumps(self.retry_seconds),
            "VERMOEDEN_WAITING_LEASE_SECONDS": str(self.lease_seconds),
        }
        own = {"notifier": _NOTIFIER, "gateway": _GATEWAY}
        return {service: common | own.get(service, {}) for service in SERVICES}


FULL = Plan(reports=2_000, kills=4, erasures=60, poison=2, rate=20)
SHORT = Plan(
    reports=150,
    kills=1,
    erasures=6,
    poison=1,
    rate=10,
    clients=4,
    repeats=300,
    held=("reporting",),
    retry_seconds=(0.3, 0.6, 1),
    lease_seconds=5,
)
