"""Forms with files while no file finds a place: the form is read on, and asks for no other."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

from common.auth import Identity
from common.provision import DatabaseUrls
from common.rooms import Stay
from gateway.bodies import Tempo, Uploads
from gateway.domain.fading import SharedPace
from gateway.domain.pace import Pace
from gateway.domain.people import Municipality
from gateway.front import Visitor
from gateway.pages.carrying import CHOSEN_FIELD, Carrier
from gateway.pages.questions import FilesOffered
from starlette.requests import Request
from starlette.types import Scope

from tests.support.gateway import Upstream, running_gateway

_OFFERED = FilesOffered(max_count=5, max_photo_bytes=9_000, max_pdf_bytes=9_000, media_types=("image/jpeg",))
_VISITOR = Visitor(Municipality("veldstad", "Gemeente Veldstad"), Identity("veldstad"))


class Full(Uploads):
    """No file may wait for a report here; counts how many asked for a place."""

    def __init__(self) -> None:
        super().__init__(6, Pace(1, 60, 0), SharedPace(1, 60, 0), Tempo(60, 10, 10, 1), most_waiting=0)
        self.asked = 0

    @asynccontextmanager
    async def place(self, scope: Scope, who: Identity) -> AsyncIterator[Stay]:
        """As ever."""
        self.asked += 1
        async with super().place(scope, who) as stay:
            yield stay


def form(files: int) -> bytes:
    """So many files, and a field after them."""
    head = '--grens\r\nContent-Disposition: form-data; name="{0}"'
    named = head.format(CHOSEN_FIELD) + '; filename="{0}.jpg"\r\nContent-Type: image/jpeg\r\n\r\nx\r\n'
    parts = [named.format(number) for number in range(files)]
    return "".join([*parts, head.format("description"), "\r\n\r\nWiet.\r\n--grens--\r\n"]).encode()


async def test_after_one_file_without_a_place_no_other_asks(urls: DatabaseUrls, upstream: Upstream) -> None:
    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": form(30), "more_body": False}

    headers = [(b"content-type", b"multipart/form-data; boundary=grens")]
    scope = {"type": "http", "method": "POST", "headers": headers, "client": ("192.0.2.0/24", 0)}
    async with running_gateway(urls, upstream) as running:
        uploads = Full()
        carrier = Carrier(replace(running.front, uploads=uploads), _OFFERED)
        sent = await carrier.read(Request(scope, receive), _VISITOR, "nl")
    assert sent.form["description"] == "Wiet."
    assert len(sent.problems) == 30
    assert uploads.asked == 1
