"""Casework's API: its paths, what they take and what they answer."""

from casework.api.paths import router

__all__ = ["router"]
