"""Municipalities and sessions as the gateway knows them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
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
    departments: frozenset[str]
    expires_at: datetime | None

    def is_alive(self, now: datetime) -> bool:
        """Not yet expired."""
        return self.expires_at is None or now < self.expires_at
