"""The notifier's API: its paths, what they take and what they answer."""

from notifier.api.paths import router

__all__ = ["router"]
