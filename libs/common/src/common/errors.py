"""Expected outcomes as errors with a status and a code, and their one rendering (RFC 9457)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar


@dataclass(frozen=True)
class FieldError:
    """One thing wrong with one field: where (JSON Pointer), what, and how to mend it."""

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

    `detail` is a sentence for the caller and never holds personal data.
    """

    status: ClassVar[int] = 409
    code: ClassVar[str] = "conflict"
    title: ClassVar[str] = "This is not possible now"

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


class NotSignedIn(AppError):
    """No valid identity came with the request."""

    status = 401
    code = "not-signed-in"
    title = "Sign in first"


class NotAllowed(AppError):
    """The caller is known but may not do this."""

    status = 403
    code = "not-allowed"
    title = "You may not do this"


class NotFound(AppError):
    """There is no such thing, or it is not the caller's."""

    status = 404
    code = "not-found"
    title = "Not found"


class TooMuch(AppError):
    """The caller must slow down."""

    status = 429
    code = "too-many-requests"
    title = "Too many requests"


class Unavailable(AppError):
    """Something this needs is away for a moment; `Retry-After` says when to come back."""

    status = 503
    code = "unavailable"
    title = "Not available right now"

    def __init__(self, detail: str = "", *, retry_after_seconds: int = 2) -> None:
        super().__init__(detail, headers={"Retry-After": str(retry_after_seconds)})


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
    if error.errors:
        document["errors"] = [field.as_json() for field in error.errors]
    return document
