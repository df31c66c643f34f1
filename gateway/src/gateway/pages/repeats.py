"""A form that comes back after it was sent: what a browser's way back must not show again."""

from collections.abc import Awaitable, Callable, Container
from enum import Enum

from common.errors import AppError
from common.log import get_logger
from starlette.datastructures import FormData
from starlette.responses import Response

from gateway.front import Visitor
from gateway.pages.filled import key_in
from gateway.upstream import ServiceClient

_PATH = "/internal/v1/reports/_sent"
#: The status of a page with a receipt, and of one whose report was sent, so that it shows nothing more.
STORED, SENT_ALREADY = 201, 410

log = get_logger()


class Sent(Enum):
    """What intake knows of the key in a form."""

    NOT = "not"  # or it cannot be told now: who fills in a form must lose nothing by it
    RECENTLY = "recently"  # the receipt is told again to who sends it again
    BEFORE = "before"


async def unless_sent(
    services: ServiceClient,
    visitor: Visitor,
    form: FormData,
    *,
    sending: Container[object],
    answer: Callable[[], Awaitable[Response]],
    sent_already: Callable[[], Awaitable[Response]],
) -> Response:
    """What `answer` says to a form; of a report that was sent nothing but `sent_already` (ADR 0026).

    Who sends it again, by a step of `sending`, gets its receipt once more while it was sent recently.
    """
    sent = await sent_before(services, visitor, form)
    if sent is Sent.NOT:
        return await answer()
    if sent is Sent.RECENTLY and form.get("step") in sending:
        again = await answer()
        if again.status_code == STORED:
            return again
    return await sent_already()


async def sent_before(services: ServiceClient, visitor: Visitor, form: FormData) -> Sent:
    """Whether a report with the key in this form is stored; one without a key, or unknown, is `NOT`."""
    key = key_in(form)
    if not key:
        return Sent.NOT
    try:
        status, told = await services.call(
            visitor.identity, "intake", "POST", _PATH, headers={"Idempotency-Key": key}
        )
    except AppError as error:
        log.info("form.not_told_if_sent", error=error.code)
        return Sent.NOT
    if status != 200 or not isinstance(told, dict) or told.get("isSent") is not True:
        return Sent.NOT
    return Sent.RECENTLY if told.get("isRecent") is True else Sent.BEFORE
