"""Browsers tell that they refused a key, a reply or a content for which nobody trusted vouches."""

import time
from contextlib import suppress
from typing import Any, Literal

from common.errors import NotSignedIn
from common.vouching import raise_alarm
from common.web import RequestModel
from fastapi import FastAPI, Request, Response

from gateway.domain.pace import Pace, TooFast
from gateway.front import Front

PREFIX = "/api/v1/key-alarms"
_PER_SECOND = 1 / 60  # of one municipality and place: the first few tell all there is to tell
_BURST = 10


class KeyAlarm(RequestModel):
    """Where something was refused: at the reporter's mailbox, or on a handler's page of a report."""

    where: Literal["mailbox", "desk"]


def add_key_alarms(app: FastAPI, front: Front, visiting: Any, private: dict[str, str]) -> None:  # noqa: ANN401 -- an annotation
    """Offer `PREFIX`: of the mailbox to anybody, of the desk to who is signed in."""
    pace = Pace(_PER_SECOND, _BURST, patience_seconds=0)

    @app.post(PREFIX, status_code=204, summary="A browser refused a key: look for who swapped it")
    async def alarm(visitor: visiting, body: KeyAlarm, request: Request) -> Response:
        front.refuse_forgery(request.scope, visitor)
        if body.where == "desk" and visitor.identity.person is None:
            raise NotSignedIn
        municipality = visitor.municipality.code
        with suppress(TooFast):  # counted once already
            pace.delay_seconds((municipality, body.where), time.monotonic())
            raise_alarm(body.where, municipality, "told by a browser")
        return Response(status_code=204, headers=private)
