"""Expected outcomes as errors with a status and a code, and their one rendering (RFC 9457)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar


@dataclass(frozen=True)
class FieldError:
    """One thing wrong with one field: where (JSON Pointer; empty for the whole), what, and how to mend it."""

    pointer: str
    code: str
    message: str
    message_en: str = ""

    def as_json(self) -> dict[str, str]:
        """The member of `errors` in a problem document."""
        english = {"messageEn": self.message_en} if self.message_en else {}
        return {"pointer": self.pointer, "code": self.code, "message": self.message, **english}


class AppError(Exception):
    """An outcome that a caller can be told of; subclasses are named for the situation.

    `detail` is a sentence for the caller and never holds personal data. `fix` says what to do, in Dutch and
    in English, of a problem that names no field.
    """

    status: ClassVar[int] = 409
    code: ClassVar[str] = "conflict"
    title: ClassVar[str] = "This is not possible now"
    fix: ClassVar[tuple[str, str]] = (
        "Zoals het nu staat kan dit niet. Haal op hoe het staat en probeer het opnieuw.",
        "As things stand this is not possible. Read how they stand and try again.",
    )

    def __init__(
        self,
        detail: str = "",
        *,
        errors: Sequence[FieldError] = (),
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(detail or self.title)
        self.detail = detail
        self.errors = tuple(errors)
        self.headers = dict(headers or {})


class Malformed(AppError):
    """The request itself is wrong; `errors` lists everything that is."""

    status = 400
    code = "malformed"
    title = "The request is not valid"
    fix = (
        "Er klopt iets niet aan wat is verstuurd. Kijk het na en verstuur het opnieuw.",
        "Something is wrong with what was sent. Check it and send it again.",
    )


class NotSignedIn(AppError):
    """No valid identity came with the request."""

    status = 401
    code = "not-signed-in"
    title = "Sign in first"
    fix = (
        "Meld u eerst aan, of stuur een API-sleutel mee.",
        "Sign in first, or send an API key.",
    )


class NotAllowed(AppError):
    """The caller is known but may not do this."""

    status = 403
    code = "not-allowed"
    title = "You may not do this"
    fix = (
        "U mag dit niet. Vraag de gemeente om toegang als u die nodig heeft.",
        "You may not do this. Ask the municipality for access if you need it.",
    )


class NotFound(AppError):
    """There is no such thing, or it is not the caller's."""

    status = 404
    code = "not-found"
    title = "Not found"
    fix = (
        "Dit bestaat niet, of het is niet voor u. Kijk het adres na.",
        "There is no such thing, or it is not for you. Check the address.",
    )


class TooMuch(AppError):
    """The caller must slow down."""

    status = 429
    code = "too-many-requests"
    title = "Too many requests"
    fix = (
        "Het is even te druk. Wacht een moment en stuur hetzelfde opnieuw.",
        "It is too busy for a moment. Wait a little and send the same again.",
    )


class Unavailable(AppError):
    """Something this needs is away for a moment; `Retry-After` says when to come back."""

    status = 503
    code = "unavailable"
    title = "Not available right now"
    fix = (
        "Dit is even niet bereikbaar. Wacht een moment en stuur hetzelfde opnieuw.",
        "This cannot be reached for a moment. Wait a little and send the same again.",
    )

    def __init__(self, detail: str = "", *, retry_after_seconds: int = 2) -> None:
        super().__init__(detail, headers={"Retry-After": str(retry_after_seconds)})


class Failed(AppError):
    """Something went wrong on our side that nobody foresaw."""

    status = 500
    code = "internal"
    title = "Something went wrong on our side"
    fix = (
        "Er ging iets mis bij ons. Wacht een moment en stuur hetzelfde opnieuw.",
        "Something went wrong on our side. Wait a little and send the same again.",
    )


def problem_document(error: AppError) -> dict[str, Any]:
    """The problem+json document of an expected outcome."""
    document: dict[str, Any] = {
        "type": f"urn:vermoeden:problem:{error.code}",
        "title": error.title,
        "status": error.status,
        "code": error.code,
    }
    if error.detail:
        document["detail"] = error.detail
    errors = error.errors or [FieldError("", error.code, *error.fix)]
    document["errors"] = [each.as_json() for each in errors]
    return document
