"""The gateway's own API: sessions, the vault, API keys, and the API documents of every service."""

from gateway.api.paths import MAX_BODY_BYTES, OWN_PREFIXES, create_api

__all__ = ["MAX_BODY_BYTES", "OWN_PREFIXES", "create_api"]
