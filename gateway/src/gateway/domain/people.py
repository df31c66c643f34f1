"""Municipalities and sessions as the gateway knows them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from uuid import UUID


@dataclass(frozen=True)
class Municipality:
    """What the gateway keeps at hand of a municipality."""

    code: str
    display_name: str
    version: int = 0
    text_in_clear: bool = False
    catch_all_department: str = ""
    hosts: tuple[str, ...] = ()
    departments: Mapping[str, str] = field(default_factory=dict)  # code → name
    partners: Mapping[str, str] = field(default_factory=dict)  # code → name
    neighbourhoods: Mapping[str, str] = field(default_factory=dict)  # code → name; may be none
    signers: Sequence[
        Mapping[str, str]
    ] = ()  # who vouches for its keys: publicKey and signature, oldest first


@dataclass(frozen=True)
class Person:
    """A person who signed in."""

    id: UUID
    municipality: str
    display_name: str
    roles: frozenset[str]
    departments: frozenset[str]
    key_groups: frozenset[str]


@dataclass(frozen=True)
class Session:
    """A person's session, without its token."""

    person: Person
    last_seen_at: datetime
    expires_at: datetime

    def is_alive(self, now: datetime, idle_seconds: float) -> bool:
        """Neither at its absolute end, nor left alone too long."""
        return now < self.expires_at and now - self.last_seen_at < timedelta(seconds=idle_seconds)


@dataclass(frozen=True)
class ApiKey:
    """What an API key may do."""

    municipality: str
    name: str
    roles: frozenset[str]
    departments: frozenset[str] = frozenset()
    expires_at: datetime | None = None
    signal_types: frozenset[str] | None = None  # what it may report; None: all
    reporter_kind: str | None = None  # as whom it reports; None: as each report says
    per_minute: int | None = None  # requests; None: as the installation says
    revoked_at: datetime | None = None
    last_used_on: date | None = None  # a day in UTC

    def is_expired(self, now: datetime) -> bool:
        """Past its end."""
        return self.expires_at is not None and now >= self.expires_at

    def is_alive(self, now: datetime) -> bool:
        """Neither revoked nor expired."""
        return self.revoked_at is None and not self.is_expired(now)
