"""What there is on the broker, as data from `flow.py`; provisioning makes it, before anything starts."""

from typing import NamedTuple

from common.contracts.base import Event
from common.flow import HEARD_BY, PARTNERS, SERVICES, heard_by

EXCHANGE = "events"
UNROUTED = "events.unrouted"
DEAD = "events.dead"
DEAD_QUEUE = "dead-letter"

#: Each exchange with its kind and arguments; the later ones name earlier ones.
EXCHANGES: dict[str, tuple[str, dict[str, str]]] = {
    UNROUTED: ("fanout", {}),
    DEAD: ("fanout", {}),
    EXCHANGE: ("topic", {"alternate-exchange": UNROUTED}),
}


class Binding(NamedTuple):
    """Messages that an exchange gets under this key go to this queue."""

    exchange: str
    queue: str
    key: str


def queues() -> tuple[str, ...]:
    """Every queue but the partners': one for each service that hears something, and two for left-overs."""
    return (UNROUTED, DEAD_QUEUE, *(service for service in SERVICES if heard_by(service)))


def bindings() -> frozenset[Binding]:
    """Every binding but the partners'."""
    heard = {Binding(EXCHANGE, service, event.name) for service in SERVICES for event in heard_by(service)}
    return frozenset(heard | {Binding(UNROUTED, UNROUTED, ""), Binding(DEAD, DEAD_QUEUE, "")})


def partner_queue(municipality: str, partner: str) -> str:
    """The queue of a partner, which is also the name of its user."""
    return f"partner.{municipality}.{partner}"


def partner_bindings(municipality: str, partner: str) -> tuple[Binding, ...]:
    """What a partner's queue is bound to: its own offers and nothing else."""
    queue = partner_queue(municipality, partner)
    return tuple(
        Binding(EXCHANGE, queue, binding_key(event, municipality, partner))
        for event, hearers in HEARD_BY.items()
        if PARTNERS in hearers
    )


def is_partners_own(binding: Binding) -> bool:
    """Whether a binding is one that `partner_bindings` gives for the partner whose queue it names."""
    kind, _, rest = binding.queue.partition(".")
    municipality, _, partner = rest.partition(".")
    return kind == "partner" and binding in partner_bindings(municipality, partner)


def binding_key(event: type[Event], municipality: str, partner: str) -> str:
    """The one routing key that a partner's queue is bound to for an event meant for partners."""
    if PARTNERS not in HEARD_BY[event]:
        raise ValueError(f"{event.name} is not for partners")
    return f"{event.name}.{municipality}.{partner}"
