"""The pages that people see; each room gives its own routes."""

from collections.abc import Sequence

from starlette.routing import BaseRoute

from gateway.front import Front
from gateway.pages import info, report, session
from gateway.pages.site import Site
from gateway.rendering import Renderer


def routes(front: Front) -> Sequence[BaseRoute]:
    """Every page and static file; what is none of them is answered with a page that says so."""
    site = Site(front, Renderer())
    return [
        *info.files(site),
        *report.routes(site),
        *session.routes(site),
        *info.routes(site),
        *info.remainder(site),
    ]
