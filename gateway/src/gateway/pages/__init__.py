"""The pages that people see; each room gives its own routes."""

from collections.abc import Sequence

from common.errors import AppError
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.routing import BaseRoute
from starlette.types import ASGIApp, Scope

from gateway.front import Front
from gateway.pages import entry, info, mailbox, report, session, statistics, work
from gateway.pages.site import Site
from gateway.rendering import Renderer

_ROOMS = (report, entry, mailbox, session, work, statistics, info)


class Pages(Starlette):
    """Every page and static file; what is none of them is answered with a page that says so."""

    def __init__(self, front: Front) -> None:
        self._site = Site(front, Renderer())
        super().__init__(routes=routes(self._site))

    def refusal(self, scope: Scope, error: AppError) -> ASGIApp:
        """The answer to a request that does not get as far as a page."""
        return self._site.error_page(Request(scope), None, error)


def routes(site: Site) -> Sequence[BaseRoute]:
    """The routes of every room, and after them whatever is no page."""
    return [
        *info.files(site),
        *(route for room in _ROOMS for route in room.routes(site)),
        *info.remainder(site),
    ]
