"""The signed identity that the gateway sends with each request, and how a service checks it."""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from uuid import UUID

import jwt
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from common.contracts.codes import Role
from common.errors import NotAllowed, NotSignedIn
from common.sealing import decode, encode

LIFETIME_SECONDS = 60
_LEEWAY_SECONDS = 5  # so far two clocks may be apart
_ISSUER = "vermoeden-gateway"
_CACHE_SIZE = 4096


@dataclass(frozen=True)
class Identity:
    """Who asks, for which municipality. `person` is None for an anonymous reporter and for API keys."""

    municipality: str
    person: UUID | None = None
    key_name: str | None = None  # the name of an API key
    roles: frozenset[Role] = frozenset()
    departments: frozenset[str] = frozenset()
    key_groups: frozenset[str] = frozenset()  # the key groups that this person holds
    signal_types: frozenset[str] | None = None  # what an API key may report; None: all
    reporter_kind: str | None = None  # as whom an API key reports; None: as each report says

    @property
    def is_anonymous(self) -> bool:
        """Nobody signed in and no API key was used."""
        return self.person is None and self.key_name is None

    @property
    def mark(self) -> str:
        """What tells this person or key from others of the municipality; empty for nobody."""
        return str(self.person or self.key_name or "")

    @property
    def is_professional(self) -> bool:
        """A person who signed in, or a key that was made to report."""
        return self.person is not None or bool(self.roles & {Role.REPORTER, Role.STAFF_ENTRY})

    def require(self, *roles: Role) -> None:
        """Refuse unless the caller holds at least one of these roles."""
        if self.is_anonymous:
            raise NotSignedIn
        if not self.roles.intersection(roles):
            raise NotAllowed(f"This needs the role {' or '.join(role.value for role in roles)}.")


class IdentitySigner:
    """Signs identities for one service at a time (Ed25519 JWT, at most 60 s)."""

    def __init__(self, kid: str, private_key: bytes) -> None:
        self._kid = kid
        self._key = Ed25519PrivateKey.from_private_bytes(private_key)
        self._cache: dict[tuple[str, Identity], tuple[float, str]] = {}

    def sign(self, identity: Identity, audience: str) -> str:
        """A token for this service; the same one for half its life, so that a busy caller costs little."""
        now = time.time()
        cached = self._cache.get((audience, identity))
        if cached and cached[0] > now:
            return cached[1]
        claims: dict[str, object] = {
            "iss": _ISSUER,
            "aud": audience,
            "iat": int(now),
            "exp": int(now) + LIFETIME_SECONDS,
            "mun": identity.municipality,
            "sub": str(identity.person) if identity.person else "",
            "key": identity.key_name or "",
            "roles": sorted(identity.roles),
            "departments": sorted(identity.departments),
            "groups": sorted(identity.key_groups),
        }
        if identity.signal_types is not None:
            claims["types"] = sorted(identity.signal_types)
        if identity.reporter_kind is not None:
            claims["kind"] = identity.reporter_kind
        token = jwt.encode(claims, self._key, algorithm="EdDSA", headers={"kid": self._kid})
        if len(self._cache) >= _CACHE_SIZE:
            self._cache.clear()
        self._cache[audience, identity] = (now + LIFETIME_SECONDS / 2, token)
        return token


class IdentityVerifier:
    """Checks tokens for one service against the gateway's current public keys, by `kid`."""

    def __init__(self, audience: str, public_keys: Mapping[str, str]) -> None:
        self._audience = audience
        self._keys = {
            kid: Ed25519PublicKey.from_public_bytes(decode(text)) for kid, text in public_keys.items()
        }
        self._seen: dict[str, tuple[float, Identity]] = {}

    def verify(self, token: str) -> Identity:
        """The identity in a token; `NotSignedIn` when missing, forged, expired or for another service."""
        cached = self._seen.get(token)
        if cached and cached[0] > time.time():
            return cached[1]
        try:
            key = self._keys[jwt.get_unverified_header(token)["kid"]]
            claims = jwt.decode(
                token,
                key,
                algorithms=["EdDSA"],
                audience=self._audience,
                issuer=_ISSUER,
                leeway=_LEEWAY_SECONDS,
                options={"require": ["exp", "iat", "aud", "iss"]},
            )
        except (jwt.PyJWTError, KeyError) as error:
            raise NotSignedIn("The request did not come through the gateway.") from error
        identity = Identity(
            municipality=claims["mun"],
            person=UUID(claims["sub"]) if claims["sub"] else None,
            key_name=claims["key"] or None,
            roles=frozenset(Role(role) for role in claims["roles"]),
            departments=frozenset(claims["departments"]),
            key_groups=frozenset(claims["groups"]),
            signal_types=frozenset(claims["types"]) if "types" in claims else None,
            reporter_kind=claims.get("kind"),
        )
        if len(self._seen) >= _CACHE_SIZE:
            self._seen.clear()
        self._seen[token] = (float(claims["exp"]), identity)
        return identity


def generate_identity_key() -> tuple[bytes, str]:
    """A private key (32 raw bytes) and its public half as the services' settings hold it."""
    key = Ed25519PrivateKey.generate()
    public = key.public_key().public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)
    private = key.private_bytes(
        serialization.Encoding.Raw, serialization.PrivateFormat.Raw, serialization.NoEncryption()
    )
    return private, encode(public)
