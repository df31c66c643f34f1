"""Signed identities for tests, as the gateway would send them."""

from uuid import UUID, uuid4

from common.auth import Identity, IdentitySigner, generate_identity_key
from common.contracts.codes import Role

_PRIVATE, PUBLIC = generate_identity_key()
KEYS = {"test": PUBLIC}
_SIGNER = IdentitySigner("test", _PRIVATE)


def bearer(audience: str, identity: Identity) -> dict[str, str]:
    """The headers with which the gateway sends this identity to a service."""
    return {"Authorization": f"Bearer {_SIGNER.sign(identity, audience)}"}


def anonymous(municipality: str = "zandrecht") -> Identity:
    """A reporter of whom nothing is known."""
    return Identity(municipality)


def staff(
    *roles: Role,
    municipality: str = "zandrecht",
    departments: tuple[str, ...] = ("oov",),
    person: UUID | None = None,
) -> Identity:
    """A signed-in person with these roles."""
    return Identity(
        municipality, person=person or uuid4(), roles=frozenset(roles), departments=frozenset(departments)
    )
