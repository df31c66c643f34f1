"""Intake's API: its paths, what they take and what they answer."""

from intake.api.paths import router

__all__ = ["router"]
