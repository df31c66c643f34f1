"""Pages that explain: the choice of a municipality, its home, the promise, and what is not there."""

from collections.abc import Sequence

from common.errors import NotFound
from common.web import MethodNotAllowed
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import BaseRoute, Route

from gateway.front import Visitor
from gateway.pages.site import Site, every_method
from gateway.rendering.addresses import address
from gateway.rendering.static import STATIC_PATH


def files(site: Site) -> Sequence[BaseRoute]:
    """The static files, and what programs look for at the root."""
    static = site.renderer.static

    async def file(request: Request) -> Response:
        found = static.find(request.path_params["digest"], request.path_params["path"])
        if found is None:
            return site.error_page(request, None, NotFound())
        content, headers = found
        if request.headers.get("if-none-match") == content.etag:
            return Response(status_code=304, headers=headers)
        if content.gzipped is not None and "gzip" in request.headers.get("accept-encoding", ""):
            headers |= {"content-encoding": "gzip"}
            return Response(content.gzipped, media_type=content.media_type, headers=headers)
        return Response(content.content, media_type=content.media_type, headers=headers)

    async def robots(_request: Request) -> Response:
        return PlainTextResponse("User-agent: *\nDisallow: /*/postvak\nDisallow: /*/werklijst\n")

    return [Route(f"{STATIC_PATH}/{{digest}}/{{path:path}}", file), Route("/robots.txt", robots)]


def routes(site: Site) -> Sequence[BaseRoute]:
    """The pages of a municipality, and the one before it."""
    rooms = _Info(site)
    return [
        site.route_outside("/", rooms.enter),
        site.route_outside("/gemeenten", rooms.choose),
        site.route("home", get=rooms.home),
        site.route("privacy", get=rooms.privacy),
        site.route("accessibility", get=rooms.accessibility),
    ]


def remainder(site: Site) -> Sequence[BaseRoute]:
    """Whatever is no page: 404 in the language and colours of the site."""

    async def nothing(_request: Request, _visitor: Visitor) -> Response:
        raise NotFound

    async def nowhere(request: Request) -> Response:
        error = (
            NotFound() if request.method in {"GET", "HEAD"} else MethodNotAllowed(headers={"Allow": "GET"})
        )
        return site.error_page(request, None, error)

    return [
        site.route_at("/{municipality}/{rest:path}", get=nothing, post=nothing),
        every_method("/{rest:path}", nowhere),
    ]


class _Info:
    """The endpoints."""

    def __init__(self, site: Site) -> None:
        self._site = site

    async def enter(self, request: Request) -> Response:
        """Straight to the municipality that the address or the installation tells, else a choice."""
        directory = self._site.front.directory
        known = directory.all()
        named = directory.asked(dict(request.scope["headers"])) or (known[0] if len(known) == 1 else None)
        if named is not None:
            return self._site.redirect(address("home", named.code))
        return await self.choose(request)

    async def choose(self, request: Request) -> Response:
        """Which municipality?"""
        municipalities = sorted(self._site.front.directory.all(), key=lambda each: each.display_name)
        return self._site.page(request, None, "info/choose.html", municipalities=municipalities)

    async def home(self, request: Request, visitor: Visitor) -> Response:
        """What this is, and where to begin."""
        return self._site.page(request, visitor, "info/home.html")

    async def privacy(self, request: Request, visitor: Visitor) -> Response:
        """The promise, and who sees what."""
        return self._site.page(request, visitor, "info/privacy.html")

    async def accessibility(self, request: Request, visitor: Visitor) -> Response:
        """For whom it works, and where to say that it does not."""
        return self._site.page(request, visitor, "info/accessibility.html")
