"""Intake's API: its paths, what they take and what they answer."""

from intake.api.editing import router as editing
from intake.api.forms import router as forms
from intake.api.invitations import router as invitations
from intake.api.paths import checks
from intake.api.paths import router as reports
from intake.api.previews import router as previews
from intake.api.repeats import router as repeats
from intake.api.uploads import PATH as UPLOAD_PATH
from intake.api.uploads import router as uploads

__all__ = [
    "UPLOAD_PATH",
    "checks",
    "editing",
    "forms",
    "invitations",
    "previews",
    "repeats",
    "reports",
    "uploads",
]
